# What try_package.sh does inside the root: the packages are in /packages.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
say() { printf -- '--- %s\n' "$*"; }
die() { printf 'trial: %s\n' "$*" >&2; exit 1; }

# Every file but those that apt and dpkg write about themselves.
files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /packages -o -path /tmp -o -path /var/cache -o \
    -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/log \) -prune -o -print | sort
}

apt-get update -qq
apt-get install -y -qq --no-install-recommends curl python3 >/dev/null
useradd --create-home artist
files >/packages/files.before

say "install"
apt-get install -y -qq --no-install-recommends /packages/before.deb >/dev/null
easel --version

say "a picture with no other step"
cd /home/artist
runuser -u artist -- easel img2img /packages/photo.jpg -p "a lighthouse by the sea at dusk, watercolour"
pictures=$(find /home/artist -name '*.png' -size +1k | wc -l)
[ "$pictures" = 1 ] || die "one picture was expected, there are $pictures"

say "the pages of the manual, the unit, completions, the desktop's entry"
for file in /usr/share/man/man1/easel.1.gz /usr/share/man/man1/easel-serve.1.gz /lib/systemd/system/easel.service \
  /usr/share/bash-completion/completions/easel /usr/share/applications/easel.desktop; do
  [ -s "$file" ] || die "$file is missing"
done

# The unit's own command, in the folders that systemd would make.
mkdir -p /var/lib/easel/models /var/lib/easel/input /var/lib/easel/output /var/lib/easel/user /var/cache/easel
url=http://127.0.0.1:8188
start() {
  local command
  command=$(sed -n '/^ExecStart=/,/[^\\]$/p' /lib/systemd/system/easel.service | sed 's/^ExecStart=//; s/\\$//' | tr -d '\n')
  ${command//\$EASEL_OPTIONS/} >>/packages/server.log 2>&1 &
  server=$!
  for _ in $(seq 100); do
    kill -0 "$server" 2>/dev/null || break  # another program's answer is none
    curl -sf "$url/queue" >/dev/null && return
    sleep 0.1
  done
  cat /packages/server.log >&2
  die "the server did not start"
}
stop() { kill "$server"; wait "$server" || die "the server ended with $?"; }
value() { python3 -c "import json,sys; print(eval(sys.argv[1], {'a': json.load(sys.stdin)}))" "$1"; }

say "a server does a job, keeps another, and settings"
start
prompt() { echo '{"prompt":{"1":{"class_type":"EmptyImage","inputs":{"width":32,"height":32,"batch_size":1,"color":'"$1"'}},"2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"job"}}}}'; }
done_id=$(curl -sf "$url/prompt?wait=1" -d "$(prompt 255)" | value 'next(iter(a))')
curl -sf "$url/queue" -d '{"pause":true}' >/dev/null
waiting_id=$(curl -sf "$url/prompt" -d "$(prompt 65280)" | value "a['prompt_id']")
curl -sf "$url/settings/trial.colour" -d '"ochre"' >/dev/null
stop
picture=$(sha256sum /var/lib/easel/output/job_00001_.png)

say "upgrade"
apt-get install -y -qq --no-install-recommends /packages/easel.deb >/dev/null
start
[ "$(curl -sf "$url/history" | value "a['$done_id']['status']['status_str']")" = success ] || die "the job that was done is lost"
[ "$(curl -sf "$url/queue" | value "[j[1] for j in a['queue_pending']] == ['$waiting_id'] and a['paused']")" = True ] ||
  die "the job that waited is lost, or runs"
[ "$(curl -sf "$url/settings/trial.colour")" = '"ochre"' ] || die "the settings are lost"
[ "$(sha256sum /var/lib/easel/output/job_00001_.png)" = "$picture" ] || die "the picture is lost"
curl -sf "$url/queue" -d '{"pause":false}' >/dev/null
for _ in $(seq 100); do [ -s /var/lib/easel/output/job_00002_.png ] && break; sleep 0.1; done
[ -s /var/lib/easel/output/job_00002_.png ] || die "the job that waited was not done after the upgrade"
stop

say "remove"
apt-get purge -y -qq easel >/dev/null
apt-get autoremove -y -qq --purge >/dev/null
files >/packages/files.after
left=$(comm -13 /packages/files.before /packages/files.after | grep -vE '^/home/artist/|^/var/lib/easel(/|$)' || true)
[ -z "$left" ] || { printf '%s\n' "$left" >&2; die "this is left of it"; }
[ -s /var/lib/easel/output/job_00001_.png ] || die "removing the package removed a picture"
say "all of it works"
