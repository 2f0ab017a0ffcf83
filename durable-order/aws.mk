# The targets that talk to AWS: the same file in every example. The Makefile that includes it sets
#   KIND                           zip (a function in PACKAGE), layer (an extension in PACKAGE, a function in app) or image
#   AWS_FUNCTION, AWS_SETTINGS     the function's name on AWS, and its settings besides HANDLER, TIMEOUT and MEMORY
#   AWS_EVENT                      what `make invoke-aws` sends, if that is not EVENT
# The words after ## are what `make help` prints; ##layer stands for "only if KIND is layer".

AWS_EVENT ?= $(EVENT)
# The libraries in a package are made for one Python and one processor.
ARCHITECTURE ?= $(if $(findstring aarch64,$(PLATFORM)),arm64,x86_64)
RUNTIME := python$(VERSION)
SETTINGS = --timeout $(TIMEOUT) --memory-size $(MEMORY) $(AWS_SETTINGS)

# AWS=local is `make serve-aws` in another terminal, or the endpoint that AWS_ENDPOINT_URL names. It accepts any
# credentials, and `local-lambda aws` has a role for functions.
AWS_PORT ?= 4566
ifeq ($(AWS),local)
AWS_ENDPOINT_URL ?= http://127.0.0.1:$(AWS_PORT)
endif
ifdef AWS_ENDPOINT_URL
export AWS_ENDPOINT_URL
export AWS_ACCESS_KEY_ID := local
export AWS_SECRET_ACCESS_KEY := local
export AWS_DEFAULT_REGION := us-east-1
unexport AWS_SESSION_TOKEN AWS_PROFILE AWS_REGION
AWS_ROLE_ARN := arn:aws:iam::123456789012:role/local-lambda
endif
# The AWS CLI must not stop to show its output page by page.
export AWS_PAGER :=

# Where the function's code comes from.
ifeq ($(KIND),image)
CODE := push
CREATE_CODE = --package-type Image --code ImageUri=$(IMAGE_URI)
UPDATE_CODE = --image-uri $(IMAGE_URI)
NEED_AWS := need-cloud need-aws
# Amazon ECR, the registry from which Lambda fetches images.
REGION = $(or $(AWS_REGION),$(AWS_DEFAULT_REGION),$(shell aws configure get region))
REGISTRY = $(shell aws sts get-caller-identity --query Account --output text).dkr.ecr.$(REGION).amazonaws.com
IMAGE_URI = $(REGISTRY)/$(IMAGE):latest
else
CODE := $(if $(filter layer,$(KIND)),package/function.zip,package)
FUNCTION_ZIP := $(if $(filter layer,$(KIND)),package/function.zip,$(PACKAGE))
CREATE_CODE = --zip-file fileb://$(FUNCTION_ZIP) --runtime $(RUNTIME) --handler $(HANDLER)
UPDATE_CODE = --zip-file fileb://$(FUNCTION_ZIP)
UPDATE_SETTINGS = --runtime $(RUNTIME) --handler $(HANDLER)
NEED_AWS := need-aws
endif

.PHONY: serve-aws deploy create update push publish-layer-version attach detach invoke-aws get list logs-aws delete \
	need-cloud need-role need-aws

serve-aws: install ##zip,layer serve a local AWS endpoint on AWS_PORT until Ctrl-C; `make deploy AWS=local` in another terminal
	@test -f ../local-lambda/Makefile || { echo "../local-lambda is missing: get the whole repository" >&2; exit 1; }
	@env -u MAKEFLAGS -u PYTHON $(MAKE) --silent -C ../local-lambda install EXTRAS=aws
	$(LOCAL_LAMBDA) aws --port $(AWS_PORT)

deploy: $(if $(filter image,$(KIND)),need-cloud) need-role $(NEED_AWS) $(if $(filter layer,$(KIND)),publish-layer-version) ## create the function on AWS, or update it, with all it needs
	@if aws lambda get-function --function-name $(AWS_FUNCTION) >/dev/null 2>&1; \
		then $(MAKE) --no-print-directory update; else $(MAKE) --no-print-directory create; fi
	$(if $(filter layer,$(KIND)),@$(MAKE) --no-print-directory attach)

create: need-role $(NEED_AWS) $(CODE) ## create the function on AWS
	aws lambda create-function --function-name $(AWS_FUNCTION) $(CREATE_CODE) --role $(AWS_ROLE_ARN) \
		--architectures $(ARCHITECTURE) $(SETTINGS)
	aws lambda wait function-active-v2 --function-name $(AWS_FUNCTION)

update: $(NEED_AWS) $(CODE) ## update the code and the settings of the function on AWS
	aws lambda update-function-code --function-name $(AWS_FUNCTION) $(UPDATE_CODE) --architectures $(ARCHITECTURE)
	aws lambda wait function-updated-v2 --function-name $(AWS_FUNCTION)
	aws lambda update-function-configuration --function-name $(AWS_FUNCTION) $(UPDATE_SETTINGS) $(SETTINGS)
	aws lambda wait function-updated-v2 --function-name $(AWS_FUNCTION)

push: $(NEED_AWS) image ##image push the image to a repository of Amazon ECR
	aws ecr describe-repositories --repository-names $(IMAGE) >/dev/null 2>&1 || \
		aws ecr create-repository --repository-name $(IMAGE)
	aws ecr get-login-password | $(DOCKER) login --username AWS --password-stdin $(REGISTRY)
	$(DOCKER) tag $(IMAGE) $(IMAGE_URI)
	$(DOCKER) push $(IMAGE_URI)

publish-layer-version: need-aws package ##layer publish a new version of the layer on AWS
	aws lambda publish-layer-version --layer-name $(LAYER) --zip-file fileb://$(PACKAGE) \
		--compatible-runtimes $(RUNTIME) --compatible-architectures $(ARCHITECTURE)

attach: need-aws ##layer give the function on AWS the newest version of the layer
	aws lambda update-function-configuration --function-name $(AWS_FUNCTION) --layers "$$(aws lambda list-layer-versions \
		--layer-name $(LAYER) --query 'LayerVersions[0].LayerVersionArn' --output text)"
	aws lambda wait function-updated-v2 --function-name $(AWS_FUNCTION)

detach: need-aws ##layer take the layer from the function on AWS
	aws lambda update-function-configuration --function-name $(AWS_FUNCTION) --layers '[]'
	aws lambda wait function-updated-v2 --function-name $(AWS_FUNCTION)

invoke-aws: $(NEED_AWS) ## send AWS_EVENT (by default EVENT) to the function on AWS
	@mkdir -p package
	aws lambda invoke --function-name $(AWS_FUNCTION) --payload fileb://$(AWS_EVENT) package/answer.json
	@cat package/answer.json; echo

get: $(NEED_AWS) ## show the function on AWS with its settings
	aws lambda get-function --function-name $(AWS_FUNCTION)

list: $(NEED_AWS) ## list the functions of the account
	aws lambda list-functions --query 'Functions[].[FunctionName, Runtime, LastModified]' --output text

logs-aws: $(NEED_AWS) ## print what the function on AWS has logged in the last hour
	aws logs filter-log-events --log-group-name /aws/lambda/$(AWS_FUNCTION) --query "join('', events[].message)" --output text \
		--start-time "$$(( ($$(date +%s) - 3600) * 1000 ))"

delete: $(NEED_AWS) ## delete from AWS what the other targets created: function, log, layer, image
	aws lambda delete-function --function-name $(AWS_FUNCTION)
	-aws logs delete-log-group --log-group-name /aws/lambda/$(AWS_FUNCTION)
ifeq ($(KIND),layer)
	for version in $$(aws lambda list-layer-versions --layer-name $(LAYER) --query 'LayerVersions[].Version' --output text); \
		do aws lambda delete-layer-version --layer-name $(LAYER) --version-number $$version; done
endif
ifeq ($(KIND),image)
	-aws ecr delete-repository --repository-name $(IMAGE) --force
endif

package/function.zip: $(wildcard app/*.py) | $(INSTALLED)
	@mkdir -p package
	.venv/bin/python -m zipfile -c $@ $^

need-aws:
	@command -v aws >/dev/null || \
		{ echo "aws is missing: see https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html" >&2; exit 1; }
	@test -n "$${AWS_REGION:-$${AWS_DEFAULT_REGION:-$$(aws configure get region)}}" || \
		{ echo "No region: name one with AWS_DEFAULT_REGION= or 'aws configure'" >&2; exit 1; }
	@aws sts get-caller-identity >/dev/null || \
		{ echo "AWS does not know you: 'aws configure' sets credentials; with AWS=local, is 'make serve-aws' running?" >&2; exit 1; }

need-role:
	@test -n "$(AWS_ROLE_ARN)" || \
		{ echo "AWS_ROLE_ARN is missing: the ARN of a role for the function, see 'On AWS' in README.md" >&2; exit 1; }

need-cloud:
	@test "$(AWS)" != local && test -z "$(AWS_ENDPOINT_URL)" || \
		{ echo "A local AWS endpoint takes no images: 'make run-image' serves this one" >&2; exit 1; }
