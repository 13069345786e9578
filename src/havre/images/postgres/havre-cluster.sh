# What havre-postgres and havre-restore have in common; they source it.
#
#   POSTGRES_USER             role that owns the database, no superuser       (app)
#   POSTGRES_DB               the database                                    (as POSTGRES_USER)
#   POSTGRES_PASSWORD_FILE    file that holds the role's password
#   POSTGRES_MEMORY_MB        what the caches are sized for                   (the container's limit, else 512)
#   POSTGRES_MAX_CONNECTIONS                                                  (100)
#   POSTGRES_ARCHIVE_TIMEOUT  seconds after which WAL is archived at the latest; empty: none is
#   POSTGRES_STREAM_SECONDS   how often WAL that is not archived is sent off-site; empty: it is not
# shellcheck shell=bash
user=${POSTGRES_USER:-app} database=${POSTGRES_DB:-${POSTGRES_USER:-app}}
password_file=${POSTGRES_PASSWORD_FILE:?is not set: it names the file with the password of $user}
log() { echo "${0##*/}: $*" >&2; }
[ -r "$password_file" ] || { log "$password_file cannot be read by uid $(id -u)"; exit 1; }
[ -s "$password_file" ] || { log "$password_file is empty"; exit 1; }
[ -w "$(dirname "$PGDATA")" ] || { log "$(dirname "$PGDATA") must be writable by uid $(id -u)"; exit 1; }

# The container's memory limit, cgroup v2 or v1; one without a limit says "max" or a huge number.
limit=$(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null | head -n 1) || true
case $limit in '' | *[!0-9]* | ??????????????*) limit=$((512 << 20)) ;; esac
memory=${POSTGRES_MEMORY_MB:-$((limit >> 20))}
settings=(
  -c hba_file=/etc/postgresql/pg_hba.conf
  -c unix_socket_directories=/run/postgresql
  -c max_connections="${POSTGRES_MAX_CONNECTIONS:-100}"
  -c shared_buffers="$((memory / 4))MB"
  -c effective_cache_size="$((memory * 3 / 4))MB"
  -c maintenance_work_mem="$((memory / 16 > 16 ? memory / 16 : 16))MB"
  -c password_encryption=scram-sha-256
  -c wal_compression=zstd
  -c jit=off
  # Docker gives a container 64 MB of /dev/shm, too little for a parallel query.
  -c dynamic_shared_memory_type=sysv
  -c log_timezone=UTC
  # Of utility statements it would keep the text as it is, with the password of an ALTER ROLE in it.
  -c shared_preload_libraries=pg_stat_statements
  -c pg_stat_statements.track_utility=off
  -c pg_stat_statements.max=1000
)
if [ -n "${POSTGRES_ARCHIVE_TIMEOUT:-}" ]; then
  # For havre-archive: each repository alone. The local one is quick, so nothing waits for it.
  rm -rf /var/lib/pgbackrest/pushed
  mkdir -p /var/lib/pgbackrest/log
  grep -v -e '^repo2-' -e '^archive-async' /etc/pgbackrest/pgbackrest.conf >/var/lib/pgbackrest/local.conf
  if grep -q '^repo2-' /etc/pgbackrest/pgbackrest.conf; then
    grep -v '^repo1-' /etc/pgbackrest/pgbackrest.conf >/var/lib/pgbackrest/offsite.conf
  else
    rm -f /var/lib/pgbackrest/offsite.conf
  fi
  settings+=(
    -c archive_mode=on
    -c archive_timeout="$POSTGRES_ARCHIVE_TIMEOUT"
    -c "archive_command=havre-archive pgbackrest %p"
  )
fi

# This program's major version, and a new cluster of it in a folder. The collation is PostgreSQL's own, which
# no update of the C library can change under an index; before it had one, that of the C library which
# compares code points, and has no more to change.
major=$(postgres --version | grep -oE '[0-9]+' | head -n 1)
make_cluster() {
  local collation=(--locale-provider=builtin --builtin-locale=C.UTF-8)
  [ "$major" -ge 17 ] || collation=(--locale-provider=libc)
  initdb --pgdata="$1" --username=postgres --data-checksums --auth=scram-sha-256 \
    --pwfile=<(head -c 32 /dev/urandom | base64) \
    --encoding=UTF8 --locale=C.UTF-8 "${collation[@]}" >/dev/null
}

# replay_stream FOLDER DATA: what was streamed of a cluster and is not in the archive is replayed too, when it is
# started the next time.
replay_stream() {
  local archive
  archive=$(postgres -C restore_command -D "$2") || return
  mkdir -p "$1"
  havre-stream fetch "$1" "$2" || return
  settings+=(-c restore_command="havre-stream get $1 %f %p $archive")
}

# start_privately FOLDER [SETTING...]: returns when statements are taken, on the private socket only. What the
# server says goes to the descriptor $private_log, else nowhere.
exec 3>/dev/null
start_privately() {
  pg_ctl start --pgdata="$1" --silent --wait --timeout=864000 \
    --options="$(printf '%q ' "${settings[@]}" -c listen_addresses= "${@:2}")" >&"${private_log:-3}"
}

# The role's password, the role and the database, as the settings say. The statement with the password must
# not reach the log, also not when it fails.
bring_in_line() {
  PGOPTIONS='-c log_statement=none -c log_min_error_statement=panic -c log_min_duration_statement=-1' \
  POSTGRES_USER=$user POSTGRES_DB=$database psql --username=postgres --dbname=postgres \
    --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<SQL
\getenv role POSTGRES_USER
\getenv database POSTGRES_DB
\set password \`cat "$password_file"\`
SELECT format('CREATE ROLE %I', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
SQL
}
