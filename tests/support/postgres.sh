# Sourced: start_postgres FOLDER starts a PostgreSQL of its own on the loopback address, in a folder that is made, and sets
# postgres_url and postgres_pid. Returns 77 when Debian's package is not installed, and 1 when it does not start; its log is
# printed then.
start_postgres() {
  local folder=$1 programs user=() port i
  programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
  [ -x "$programs/initdb" ] || return 77
  mkdir -p "$folder"
  if [ "$(id -u)" = 0 ]; then  # it does not run as root
    chown postgres:postgres "$folder"
    user=(setpriv --reuid postgres --regid postgres --clear-groups)
  fi
  # Below those that the system gives to connections, and by the process's number, as in postgres_server.h: others that
  # start at the same moment must not find the same one free.
  for i in $(seq 0 49); do
    port=$((12000 + ($$ + i * 7919) % 20000))
    (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  (cd / && "${user[@]}" "$programs/initdb" -D "$folder/data" -U easel -A trust -E UTF8 --locale=C --no-sync \
    --no-instructions >"$folder/log" 2>&1) || { cat "$folder/log"; return 1; }
  (cd / && exec "${user[@]}" "$programs/postgres" -D "$folder/data" -p "$port" -k "$folder" -c listen_addresses=127.0.0.1 \
    -c shared_buffers=32MB) >>"$folder/log" 2>&1 &
  postgres_pid=$!
  postgres_url=postgres://easel@127.0.0.1:$port/fleet
  for _ in $(seq 600); do
    "$programs/createdb" -h 127.0.0.1 -p "$port" -U easel fleet 2>/dev/null && return
    kill -0 "$postgres_pid" 2>/dev/null || break
    sleep 0.05
  done
  cat "$folder/log"
  return 1
}
