"""A database's tables, columns and keys, read from PostgreSQL's catalogues as one JSON document."""

from __future__ import annotations

import json
from typing import Any, Final

from havre.domain.privacy.tables import Column, Database, ForeignKey, Key, Table, shown_name

QUESTION: Final = """
WITH RECURSIVE own AS (
  SELECT c.oid, n.nspname, c.relname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg_toast%' AND n.nspname NOT LIKE 'pg_temp%'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                    AND d.objid = c.oid AND d.deptype = 'e')
), behind (oid, base, typmod, is_array) AS (
  SELECT oid, oid, -1, false FROM pg_type
  UNION ALL
  SELECT b.oid, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END,
         CASE WHEN t.typtype = 'd' AND t.typtypmod >= 0 THEN t.typtypmod ELSE b.typmod END,
         b.is_array OR t.typtype <> 'd'
  FROM behind b JOIN pg_type t ON t.oid = b.base
  WHERE t.typtype = 'd' OR (t.typcategory = 'A' AND t.typelem <> 0)
), base AS (
  SELECT b.oid, t.typname, t.typtype, b.typmod, b.is_array
  FROM behind b JOIN pg_type t ON t.oid = b.base
  WHERE NOT (t.typtype = 'd' OR (t.typcategory = 'A' AND t.typelem <> 0))
)
SELECT json_build_object(
  'tables', (SELECT coalesce(json_agg(json_build_object('schema', o.nspname, 'name', o.relname,
      'whole', (SELECT json_build_array(n.nspname, w.relname) FROM pg_class w
                JOIN pg_namespace n ON n.oid = w.relnamespace WHERE w.oid = pg_partition_root(o.oid)),
      'columns',
      (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', b.typname, 'array', b.is_array,
          'enum', b.typtype = 'e', 'not_null', a.attnotnull, 'generated', a.attgenerated <> '',
          'limit', CASE WHEN b.typname IN ('varchar', 'bpchar') THEN nullif(
              CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE b.typmod END, -1) - 4 END
        ) ORDER BY a.attnum), '[]')
       FROM pg_attribute a JOIN base b ON b.oid = a.atttypid
       WHERE a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped)
    ) ORDER BY o.nspname, o.relname), '[]') FROM own o),
  'keys', (SELECT coalesce(json_agg(json_build_object('schema', o.nspname, 'table', o.relname,
      'name', c.relname, 'primary', i.indisprimary, 'columns',
      (SELECT coalesce(json_agg(DISTINCT a.attname), '[]') FROM pg_attribute a
       WHERE a.attrelid = o.oid AND a.attnum > 0 AND (a.attnum = ANY (i.indkey::int2[]) OR EXISTS (
         SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
         AND d.refclassid = 'pg_class'::regclass AND d.refobjid = o.oid AND d.refobjsubid = a.attnum)))
    )), '[]') FROM pg_index i JOIN own o ON o.oid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indisunique),
  'foreign_keys', (SELECT coalesce(json_agg(json_build_object('name', k.conname,
      'on_delete', k.confdeltype, 'schema', o.nspname, 'table', o.relname,
      'to_schema', f.nspname, 'to_table', f.relname,
      'operators', (SELECT json_agg(s.nspname ORDER BY p.at)
                  FROM unnest(k.conpfeqop) WITH ORDINALITY p (num, at)
                  JOIN pg_operator r ON r.oid = p.num JOIN pg_namespace s ON s.oid = r.oprnamespace),
      'columns', (SELECT json_agg(a.attname ORDER BY p.at) FROM unnest(k.conkey) WITH ORDINALITY p (num, at)
                  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.num),
      'to_columns', (SELECT json_agg(a.attname ORDER BY p.at)
                  FROM unnest(k.confkey) WITH ORDINALITY p (num, at)
                  JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.num)
    )), '[]') FROM pg_constraint k JOIN own o ON o.oid = k.conrelid JOIN own f ON f.oid = k.confrelid
    WHERE k.contype = 'f'),
  'not_valid', (SELECT coalesce(json_agg(json_build_array(o.nspname, o.relname, k.conname)), '[]')
    FROM pg_constraint k JOIN own o ON o.oid = k.conrelid WHERE NOT k.convalidated)
)"""
"""One row, one column. Partitioned tables hold no rows themselves; their partitions do."""


def parse(answer: str) -> Database:
    """The answer to :data:`QUESTION`."""
    told: dict[str, Any] = json.loads(answer)
    shown = {(row["schema"], row["name"]): shown_name(row["schema"], row["name"]) for row in told["tables"]}
    return Database(
        tables=tuple(
            Table(
                row["schema"],
                row["name"],
                tuple(Column(**column) for column in row["columns"]),
                whole=shown_name(*row["whole"]) if row["whole"] else "",
            )
            for row in told["tables"]
        ),
        keys=tuple(
            Key(row["name"], shown[row["schema"], row["table"]], tuple(row["columns"]), bool(row["primary"]))
            for row in told["keys"]
        ),
        foreign_keys=tuple(
            ForeignKey(
                row["name"],
                shown[row["schema"], row["table"]],
                tuple(row["columns"]),
                shown[row["to_schema"], row["to_table"]],
                tuple(row["to_columns"]),
                row["on_delete"],
                tuple(row["operators"] or ()),
            )
            for row in told["foreign_keys"]
        ),
        not_valid=tuple((shown[schema, table], name) for schema, table, name in told["not_valid"]),
    )
