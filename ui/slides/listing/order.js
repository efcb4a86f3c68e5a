// The order of a list's rows, and which of them the keys go to.

const words = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

// Rows by what stands in a column: numbers as such, words as people sort them, empty cells last either way.
export function ordered(rows, column, down) {
  const by = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : words.compare(a, b))
  const empty = (row) => row.cells[column] === null
  const full = rows.filter((row) => !empty(row)).sort((a, b) => (down ? -1 : 1) * by(a.cells[column], b.cells[column]))
  return [...full, ...rows.filter(empty)]
}

// The order after a press on a column's head: up, down, then as the rows came.
export function pressed({ column, down }, on) {
  if (column !== on) return { column: on, down: false }
  return down ? { column: null, down: false } : { column, down: true }
}

// The row that a key leads to from row `at` of so many; null for a key that leads nowhere.
export function stepped(key, at, rows) {
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows - 1 }[key]
  return to === undefined || to < 0 || to >= rows ? null : to
}
