import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ordered, pressed, stepped } from '../../../../ui/slides/listing/order.js'

const rows = [[2, 'b10'], [null, 'b9'], [10, null], [9, 'A']].map((cells, id) => ({ id, cells }))
const ids = (column, down) => ordered(rows, column, down).map((row) => row.id)

test('rows are ordered by number, or as people sort words, empty cells last either way', () => {
  assert.deepEqual(ids(0, false), [0, 3, 2, 1])
  assert.deepEqual(ids(0, true), [2, 3, 0, 1])
  assert.deepEqual(ids(1, false), [3, 1, 0, 2])
  assert.deepEqual(ids(1, true), [0, 1, 3, 2])
  assert.deepEqual(rows.map((row) => row.id), [0, 1, 2, 3])
})

test('a column goes up, down, and back to the order in which the rows came', () => {
  const up = pressed({ column: null, down: false }, 1)
  assert.deepEqual(up, { column: 1, down: false })
  assert.deepEqual(pressed(up, 1), { column: 1, down: true })
  assert.deepEqual(pressed(pressed(up, 1), 1), { column: null, down: false })
  assert.deepEqual(pressed({ column: 1, down: true }, 0), { column: 0, down: false })
})

test('arrows go from row to row and stop at the ends; other keys are left alone', () => {
  assert.equal(stepped('ArrowDown', 0, 3), 1)
  assert.equal(stepped('ArrowUp', 0, 3), null)
  assert.equal(stepped('ArrowDown', 2, 3), null)
  assert.equal(stepped('End', 0, 3), 2)
  assert.equal(stepped('Home', 2, 3), 0)
  assert.equal(stepped('Enter', 1, 3), null)
})
