"""What a database says about itself, asked as one JSON document each.

The bloat of a table is estimated as https://wiki.postgresql.org/wiki/Show_database_bloat does, roughly:
pages that it has, less those that its rows would fill by the planner's widths. It needs an ANALYZE and knows
nothing of what is stored outside of the row (TOAST).
"""

from __future__ import annotations

from typing import Final

FIGURES: Final = """
SELECT json_build_object(
  'database', current_database(),
  'version', current_setting('server_version'),
  'up_seconds', extract(epoch FROM now() - pg_postmaster_start_time()),
  'size', pg_database_size(current_database()),
  'connections', (SELECT json_build_object('now', count(*),
      'active', count(*) FILTER (WHERE state = 'active'),
      'idle_in_transaction', count(*) FILTER (WHERE state LIKE 'idle in transaction%'),
      'most', current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int)
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
  'cache_hit', (SELECT CASE WHEN blks_hit + blks_read > 0 THEN blks_hit::float / (blks_hit + blks_read) END
    FROM pg_stat_database WHERE datname = current_database()),
  'counts', (SELECT json_build_object('commits', xact_commit, 'rollbacks', xact_rollback,
      'deadlocks', deadlocks, 'temporary_bytes', temp_bytes)
    FROM pg_stat_database WHERE datname = current_database()),
  'longest_transaction', (SELECT json_build_object('seconds', extract(epoch FROM now() - xact_start),
      'pid', pid, 'user', usename, 'state', state)
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
      AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1),
  'replicas', (SELECT coalesce(json_agg(json_build_object('name', application_name, 'state', state,
      'lag_bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(replay_lsn, flush_lsn, sent_lsn)),
      'lag_seconds', extract(epoch FROM coalesce(replay_lag, flush_lag))) ORDER BY application_name), '[]')
    FROM pg_stat_replication),
  'slots', (SELECT coalesce(json_agg(json_build_object('name', slot_name, 'is_active', active,
      'held_bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) ORDER BY slot_name), '[]')
    FROM pg_replication_slots),
  'archive', (SELECT json_build_object('is_on', current_setting('archive_mode') = 'on',
      'last_seconds', extract(epoch FROM now() - a.last_archived_time), 'failures', a.failed_count,
      'waiting', w.waiting, 'waiting_seconds', w.seconds)
    FROM pg_stat_archiver a, (SELECT count(*) AS waiting,
      coalesce(extract(epoch FROM now() - min(modification)), 0) AS seconds
      FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') w),
  'bloat', (SELECT coalesce(json_agg(b), '[]') FROM (
    SELECT n.nspname AS schema, c.relname AS table, c.relpages::bigint * 8192 AS size,
      (greatest(0, c.relpages - ceil(c.reltuples * (28 + coalesce(w.width, 0)) / 8168)) * 8192)::bigint
        AS wasted,
      s.n_dead_tup AS dead_rows, s.last_autovacuum AS vacuumed_at
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
    LEFT JOIN LATERAL (SELECT sum(ceil(avg_width * (1 - null_frac))) AS width FROM pg_stats p
      WHERE p.schemaname = n.nspname AND p.tablename = c.relname) w ON true
    WHERE c.relkind = 'r' AND c.relpages > 128 AND c.reltuples >= 0
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY wasted DESC LIMIT 5) b)
);
"""

STATEMENTS: Final = """
SELECT CASE WHEN to_regclass('pg_stat_statements') IS NULL THEN 'SELECT NULL' ELSE $$
SELECT coalesce(json_agg(s), '[]') FROM (
  SELECT round(total_exec_time)::bigint AS total_ms, calls, round(mean_exec_time::numeric, 2) AS mean_ms,
    rows, left(regexp_replace(query, '\\s+', ' ', 'g'), 300) AS statement
  FROM pg_stat_statements
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = :'name')
  ORDER BY total_exec_time DESC LIMIT 5) s
$$ END AS question \\gset
:question;
"""
"""To be asked of the database ``postgres``, with the variable ``name``; empty where nothing is measured."""

DATABASES: Final = """
SELECT coalesce(json_agg(d), '[]') FROM (
  SELECT datname AS name, pg_get_userbyid(datdba) AS owner, pg_database_size(oid) AS size,
    (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_backend_pid())
      AS connections
  FROM pg_database d WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY datname) d;
"""
