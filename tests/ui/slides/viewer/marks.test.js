import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Marks } from '../../../../ui/slides/viewer/marks.js'

// Three patches of 100 px side by side: the first in use, the second labelled, the third set aside for pen.
const DATA = {
  patch_px0: [100, 100],
  patches: { x: [0, 100, 200], y: [0, 0, 0], aside: [2], labelled: [1], fat: [0.1, null, 0.2], reasons: [null, null, 0] },
  fat: { colour: '#000', opaque: 0.8, legend: { high: 40 } },
  reasons: [{ title: 'pen mark (1)', colour: '#2f5aa8' }],
}

// What is drawn with this switched on, and how many places were asked for.
function drawn(on, scale = 1) {
  const said = []
  let asked = 0
  const pen = new Proxy({}, { get: () => () => {}, set: () => true })
  const place = ([x, y]) => { asked += 1; return [x * scale, y * scale] }
  const marks = new Marks(pen, { place, scale, size: [1000, 1000] })
  marks.patch = ([left], used) => said.push(['patch', left, used])
  marks.dot = ([left]) => said.push(['dot', left])
  marks.reason = ([left], { title }) => said.push([title, left])
  marks.fill = ([left], colour, opaque) => said.push(['fat', left, opaque])
  marks.patches(DATA, on)
  return { said, asked }
}

test('each patch is drawn in its state', () => {
  assert.deepEqual(drawn({ patches: true }).said, [['patch', 0, true], ['patch', 100, true], ['dot', 100], ['patch', 200, false]])
  assert.deepEqual(drawn({ patches: true, labels: false }).said.filter(([kind]) => kind === 'dot'), [])
  assert.deepEqual(drawn({ labels: true }).said, [['dot', 100]])
  assert.deepEqual(drawn({ fat: true, aside: true }).said, [['fat', 0, 0.2], ['fat', 200, 0.4], ['pen mark (1)', 200]])
})

test('of patches none is looked at while nothing of them is switched on, or they are too small to be seen', () => {
  assert.equal(drawn({}).asked, 0)
  assert.equal(drawn({ patches: true }, 0.01).asked, 0)
  assert.equal(drawn({ fat: true }, 0.01).asked, 3)
})
