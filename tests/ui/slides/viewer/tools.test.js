import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Tools } from '../../../../ui/slides/viewer/tools.js'

// A hand over a slide of 1000 x 800 px that is shown at half its size, 0.5 µm a pixel.
function hand(kind) {
  const told = []
  const view = { size: { width: 1000, height: 800 }, mpp: [0.5, 0.5], scale: () => 0.5, redraw() {}, pointAt: (event) => event }
  const tools = new Tools(view, (...what) => told.push(what))
  tools.choose(kind)
  return { tools, told }
}

function drag(tools, ...points) {
  tools.down(points[0])
  for (const point of points.slice(1)) tools.move(point)
  tools.up(points.at(-1))
}

test('a rectangle ends at the edge of the slide, whichever way it was drawn', () => {
  const { tools, told } = hand('region')
  drag(tools, [900.4, 700], [1200, -50])
  assert.deepEqual(told, [['region', { x0: 900, y0: 0, x1: 1000, y1: 700 }]])
  assert.equal(tools.rectangle(), null)
})

test('a drag that goes nowhere is a click', () => {
  for (const kind of ['region', 'length', 'area']) {
    const { tools, told } = hand(kind)
    drag(tools, [300, 300], [305, 305])
    assert.deepEqual(told, [['click', { x: 300, y: 300 }]])
  }
})

test('a length is a straight line and says how long it is while it is drawn', () => {
  const { tools, told } = hand('length')
  tools.down([100, 100])
  tools.move([180, 300])
  tools.move([400, 500])
  assert.equal(tools.draft().words, '250 µm')
  tools.up([400, 500])
  assert.deepEqual(told, [['drawn', { kind: 'length', points: [[100, 100], [400, 500]], words: '250 µm' }]])
  assert.equal(tools.draft(), null)
})

test('an area keeps the corners of its outline', () => {
  const { tools, told } = hand('area')
  drag(tools, [100, 100], [200, 100], [300, 100], [400, 100], [400, 250], [400, 400], [100, 400], [101, 401])
  const [[, shape]] = told
  assert.deepEqual(shape.points, [[100, 100], [400, 100], [400, 400], [100, 400]])
  assert.equal(shape.kind, 'area')
  assert.equal(shape.words, '22500 µm²')
})

test('what is let go leaves nothing', () => {
  const { tools, told } = hand('length')
  tools.down([100, 100])
  tools.move([400, 500])
  tools.choose('move')
  tools.up([400, 500])
  assert.deepEqual([told, tools.draft(), tools.rectangle()], [[], null, null])
})
