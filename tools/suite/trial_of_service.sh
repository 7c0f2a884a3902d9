# What try_package.sh does inside a root that has been started as a machine of its own, with systemd: the package is
# installed. Ends the machine; /packages/service.passed is there when all was well.
set -euo pipefail
trap 'systemctl poweroff' EXIT
die() { printf 'trial: %s\n' "$*"; journalctl --no-pager -u easel | tail -20; exit 1; }
answer() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
wait_for() {  # STATUS CURL_ARGS...
  local _
  for _ in $(seq 100); do [ "$(answer "${@:2}")" = "$1" ] && return; sleep 0.1; done
  die "$1 was expected of ${*:2}, there is $(answer "${@:2}")"
}
url=http://127.0.0.1:8188

echo "--- the service does not start by itself"
[ "$(systemctl is-enabled easel)" = disabled ] || die "it is enabled"
[ "$(systemctl is-active easel)" = inactive ] || die "it runs"

echo "--- the service draws, in its sandbox"
systemctl enable --quiet --now easel
wait_for 200 "$url/queue"
curl -sf "$url/prompt?wait=1" -o /dev/null -d '{"prompt":{"1":{"class_type":"EmptyImage","inputs":{"width":32,"height":32,"batch_size":1,"color":255}},"2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"job"}}}}'
[ -s /var/lib/easel/output/job_00001_.png ] || die "there is no picture"
systemd-analyze security easel --no-pager | tail -1

echo "--- the service takes a token, as docs/service.md says"
(umask 077; echo a-token-of-the-trial >/etc/easel.token)
mkdir -p /etc/systemd/system/easel.service.d
sed -n '/LoadCredential/,/EASEL_OPTIONS/s/^    //p' /packages/service.md | { echo '[Service]'; cat; } >/etc/systemd/system/easel.service.d/options.conf
systemctl daemon-reload
systemctl restart easel
wait_for 401 "$url/queue"
wait_for 200 "$url/queue" -H "Authorization: Bearer $(cat /etc/easel.token)"

echo "--- the service is removed with the package"
apt-get purge -y -qq easel >/dev/null
[ "$(systemctl is-active easel)" = inactive ] || die "it still runs"
[ ! -e /etc/systemd/system/multi-user.target.wants/easel.service ] || die "it would still be started"
[ -s /var/lib/private/easel/output/job_00001_.png ] || die "the picture is gone"
touch /packages/service.passed
