# Sourced: start_postgres FOLDER starts a PostgreSQL of its own on the loopback address, in a folder that is made, and sets
# postgres_url and postgres_pid. Returns 77 when Debian's package is not installed.
start_postgres() {
  local folder=$1 programs user=() port
  programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
  [ -x "$programs/initdb" ] || return 77
  mkdir -p "$folder"
  if [ "$(id -u)" = 0 ]; then  # it does not run as root
    chown postgres:postgres "$folder"
    user=(setpriv --reuid postgres --regid postgres --clear-groups)
  fi
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  (cd / && "${user[@]}" "$programs/initdb" -D "$folder/data" -U easel -A trust -E UTF8 --locale=C --no-sync \
    --no-instructions >"$folder/log" 2>&1) || { cat "$folder/log"; return 1; }
  (cd / && exec "${user[@]}" "$programs/postgres" -D "$folder/data" -p "$port" -k "$folder" -c listen_addresses=127.0.0.1 \
    -c shared_buffers=32MB) >>"$folder/log" 2>&1 &
  postgres_pid=$!
  for _ in $(seq 200); do
    "$programs/createdb" -h 127.0.0.1 -p "$port" -U easel fleet 2>/dev/null && break
    sleep 0.05
  done
  postgres_url=postgres://easel@127.0.0.1:$port/fleet
}
