#!/bin/sh
# The first program of the container. Its one argument is the name of the handler (CMD in the Dockerfile).
# `exec` puts the next program in this one's place, so that SIGTERM reaches that program and not a waiting shell.

fail() {
    echo "lambda-entrypoint.sh: $1" >&2
    exit 2
}

[ $# -eq 1 ] || fail "give one handler name, such as app.fn_container.lambda_handler; these are $# arguments"
case $1 in
*[[:space:]]* | .* | *.) fail "'$1' is not a handler name, such as app.fn_container.lambda_handler" ;;
*.*) ;;
*) fail "'$1' is not a handler name, such as app.fn_container.lambda_handler" ;;
esac

# On Lambda the execution environment is there before the container's first program. It says where in a variable.
if [ -n "$AWS_LAMBDA_RUNTIME_API" ]; then
    exec python -m awslambdaric "$1"
fi

# Anywhere else there is none yet. local-lambda is one: it starts the extensions, the function, and listens for callers.
command -v local-lambda >/dev/null ||
    fail "this is not Lambda, for AWS_LAMBDA_RUNTIME_API is not set; to run it here, say 'make run' or, in a container, 'make run-image'"
exec local-lambda exec --host 0.0.0.0 --port 8080 -- python -m awslambdaric "$1"
