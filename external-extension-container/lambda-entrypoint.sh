#!/bin/sh
# The first program of the container. Its one argument is the name of the handler (CMD in the Dockerfile).
# `exec` replaces this shell by the next program, so that SIGTERM reaches that program.

fail() {
    echo "lambda-entrypoint.sh: $1" >&2
    exit 2
}

[ $# -eq 1 ] || fail "expected one argument, the handler name (for example app.fn_container.lambda_handler); got $#"
case $1 in
*[[:space:]]* | .* | *.) fail "'$1' is not a handler name, such as app.fn_container.lambda_handler" ;;
*.*) ;;
*) fail "'$1' is not a handler name, such as app.fn_container.lambda_handler" ;;
esac

# On Lambda the execution environment exists before the container's first program. A variable holds its address.
if [ -n "$AWS_LAMBDA_RUNTIME_API" ]; then
    exec python -m awslambdaric "$1"
fi

# Anywhere else there is none yet. local-lambda is one: it starts the extensions and the function, and serves callers.
command -v local-lambda >/dev/null ||
    fail "this is not Lambda, because AWS_LAMBDA_RUNTIME_API is not set; to run it here, use 'make run' or, in a container, 'make run-image'"
exec local-lambda exec --host 0.0.0.0 --port 8080 -- python -m awslambdaric "$1"
