#!/bin/sh
# A RabbitMQ of its own in a folder, until Ctrl-C: no root, no trace elsewhere, on loopback only. Beside one that the
# system runs it needs another PORT.
set -eu
folder=${1:?"rabbitmq.sh FOLDER"}
port=${PORT:-5672}

# Debian's programs on the path insist on a user and a folder of their own; those they wrap do not.
PATH=/usr/lib/rabbitmq/bin:$PATH
for program in rabbitmq-server erl epmd; do
    command -v $program >/dev/null ||
        { echo "$program is missing: apt-get install rabbitmq-server, or see https://www.rabbitmq.com" >&2; exit 1; }
done

# For its clients, and for the two programs it consists of.
for taken in $port $((port + 1)) $((port + 2)); do
    python3 -c "import socket; socket.create_server(('127.0.0.1', $taken)).close()" 2>/dev/null ||
        { echo "port $taken is in use: is there a broker already? Another port: make broker PORT=5682" >&2; exit 1; }
done

mkdir -p "$folder"
cd "$folder"
echo "[]." >enabled_plugins
echo "listeners.tcp.1 = 127.0.0.1:$port" >rabbitmq.conf
export HOME="$PWD"
export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$((port + 1))
export RABBITMQ_NODENAME="local$port@localhost" RABBITMQ_DIST_PORT=$((port + 2))
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
export RABBITMQ_MNESIA_BASE="$PWD/mnesia" RABBITMQ_LOG_BASE="$PWD/log" RABBITMQ_PID_FILE="$PWD/pid"
export RABBITMQ_CONFIG_FILE="$PWD/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$PWD/enabled_plugins"
export RABBITMQ_CONF_ENV_FILE=/dev/null

# Erlang would start epmd by itself, as a daemon that stays.
epmd &
epmd=$!
rabbitmq-server &
server=$!
trap 'kill $server 2>/dev/null; wait $server; kill $epmd 2>/dev/null; exit 0' TERM INT HUP
wait $server || status=$?
kill $epmd 2>/dev/null || true
exit ${status:-0}
