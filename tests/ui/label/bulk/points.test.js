import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { IGNORED, NO_GRADE, Points } from '../../../../ui/label/bulk/points.js'

// Patches on a line, as `packed` of ui/label/bulk_routes.py sends them.
function packed(n, head = {}) {
  let text = JSON.stringify({ patches: n, slides: [], method: null, ...head })
  text += ' '.repeat((4 - (text.length % 4)) % 4)
  const along = Float32Array.from({ length: 2 * n }, (_, k) => (k % 2 ? 0.5 : (k / 2 + 0.5) / n))
  const kinds = Uint8Array.from({ length: n }, (_, k) => (k === 0 ? NO_GRADE : k % 2))
  const arrays = [Uint32Array.from({ length: n }, (_, k) => 100 + k), along, along, new Float32Array(n), new Uint16Array(n), kinds, new Uint8Array(3 * n).fill(NO_GRADE)]
  const bytes = Buffer.concat([Buffer.from(Uint32Array.of(text.length).buffer), Buffer.from(text), ...arrays.map((array) => Buffer.from(array.buffer))])
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
}

let points
beforeEach(() => { points = new Points(packed(10)) })
const LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
const RIGHT = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]

test('the arrays are found where the lab puts them', () => {
  assert.equal(points.n, 10)
  assert.deepEqual([...points.id], [100, 101, 102, 103, 104, 105, 106, 107, 108, 109])
  assert.ok(Math.abs(points.planes.map[18] - 0.95) < 1e-6)
  points.fat.set([0.9, 0.1, NaN, 0.2])
  const [first, second] = points.clusters()
  assert.deepEqual([first.kind, first.count], [0, 4])
  assert.ok([104, 106].includes(points.id[first.nearest])) // of 102, 104, 106 and 108: both are as near
  assert.deepEqual([second.kind, second.count, points.id[second.nearest]], [1, 5, 105])
  assert.ok(first.fat === 0 && Math.abs(second.fat - 0.3 / 5) < 1e-6)
})

test('a lasso chooses what lies inside, and with Shift adds to it', () => {
  points.lasso('slides', LEFT, false)
  assert.deepEqual([...points.members()], [0, 1, 2, 3, 4])
  points.lasso('slides', RIGHT, true)
  assert.equal(points.count, 10)
  points.lasso('slides', RIGHT, false)
  assert.deepEqual([...points.members()], [5, 6, 7, 8, 9])
})

test('those with a grade, or ignored, are counted among the chosen', () => {
  points.grades[3 * 2 + 1] = 0
  points.grades.fill(IGNORED, 9, 12)
  points.choose(() => true)
  assert.equal(points.graded, 2)
  points.toggle(2)
  assert.deepEqual([points.count, points.graded], [9, 1])
  points.choose((n) => !points.labelled(n))
  assert.equal(points.count, 8)
})

test('the order of the pictures is the same for the same choice and holds each patch once', () => {
  const many = new Points(packed(500))
  many.choose((n) => n % 2 === 0)
  const order = [...many.drawn()]
  assert.deepEqual([...many.drawn()], order)
  assert.deepEqual([...order].sort((a, b) => a - b), [...many.members()])
  assert.notDeepEqual(order, [...many.members()])
})

test('of no patches nothing is chosen', () => {
  const none = new Points(packed(0))
  none.lasso('map', LEFT, false)
  assert.deepEqual([none.count, none.drawn().length, none.clusters()], [0, 0, []])
})
