/**
 * Condition: one of the columns contains the text, whatever its case.
 *
 * `%`, `_` and `\` in the text stand for themselves.
 */
export function containing<Column extends string>(search: string, columns: readonly Column[]) {
  const $ilike = `%${search.replace(/[\\%_]/g, "\\$&")}%`;
  return {
    $or: columns.map((column) => ({ [column]: { $ilike } }) as Record<Column, { $ilike: string }>),
  };
}
