import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { Stage, scaleLength } from '../../../../ui/label/canvas/stage.js'
import { freshPage } from '../../fakes.js'

let part, stage, painted
const classes = () => { const names = new Set(); return { names, add: (name) => names.add(name), remove: (name) => names.delete(name), toggle: (name, on) => (on ? names.add(name) : names.delete(name)) } }
const sheet = (name) => ({ name, width: 598, height: 598, classList: classes(), getContext: () => ({ drawImage: (picture) => painted.push([name, picture.id]) }) })
beforeEach(() => {
  freshPage()
  painted = []
  part = { sheet: sheet('a'), other: sheet('b'), stage: { classList: classes(), clientWidth: 299 }, message: {}, bar: { style: {} }, um: {} }
  stage = new Stage(part, { name: '00', of: (picture) => picture })
})
const picture = (id) => ({ id })

test('the scale bar is a round length that leaves room beside it', () => {
  assert.equal(scaleLength(149.5), 50)
  assert.equal(scaleLength(448.5), 100)
  assert.equal(scaleLength(10), 10)
})

test('the next patch is painted ahead below, and showing it only changes which sheet lies on top', () => {
  const [first, second] = [picture(1), picture(2)]
  stage.show(first, 'H&E', 149.5)
  assert.ok(part.other.classList.names.has('top'))
  stage.ahead(second, 'H&E')
  assert.deepEqual(painted, [['b', 1], ['a', 2]])
  stage.show(second, 'H&E', 149.5)
  assert.equal(painted.length, 2)
  assert.ok(part.sheet.classList.names.has('top') && !part.other.classList.names.has('top'))
  assert.equal(part.um.textContent, '50 µm')
})

test('a blank stage says why, until a picture is shown', () => {
  stage.blank('Loading the patch')
  assert.ok(part.stage.classList.names.has('empty'))
  assert.equal(part.message.textContent, 'Loading the patch')
  stage.show(picture(1), '', 149.5)
  assert.ok(!part.stage.classList.names.has('empty'))
})

test('another size on the screen paints anew', () => {
  const first = picture(1)
  stage.show(first, '', 149.5)
  part.stage.clientWidth = 400
  window.devicePixelRatio = 2
  assert.ok(stage.resize())
  assert.equal(stage.resize(), false)
  stage.show(first, '', 149.5)
  assert.equal(painted.length, 2)
  assert.equal(part.sheet.width, 800)
})
