import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Loop } from '../../../../ui/label/bulk/loop.js'

// The even-odd rule without bands.
function plainly(line, x, y) {
  let within = false
  line.forEach(([ax, ay], n) => {
    const [bx, by] = line.at(n - 1)
    if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within
  })
  return within
}

let state = 7
const share = () => (state = (state * 16807) % 2147483647) / 2147483647

test('bands of height change nothing: any line holds what the plain rule says', () => {
  for (let line_ = 0; line_ < 40; line_ += 1) {
    const line = Array.from({ length: 3 + Math.floor(20 * share()) }, () => [share(), share()])
    const loop = new Loop(line)
    for (let n = 0; n < 200; n += 1) {
      const [x, y] = [1.2 * share() - 0.1, 1.2 * share() - 0.1]
      assert.equal(loop.holds(x, y), plainly(line, x, y), JSON.stringify({ line, x, y }))
    }
  }
})

test('a hole of a line that crosses itself is outside', () => {
  const twice = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0], [0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75], [0.25, 0.25]]
  const loop = new Loop(twice)
  assert.ok(loop.holds(0.1, 0.5))
  assert.equal(loop.holds(0.5, 0.5), false)
})

test('a flat line holds nothing, nor does any line hold a place that is not known', () => {
  assert.equal(new Loop([[0, 0.5], [1, 0.5], [0.5, 0.5]]).holds(0.5, 0.5), false)
  assert.equal(new Loop([[0, 0], [1, 0], [1, 1]]).holds(NaN, NaN), false)
})
