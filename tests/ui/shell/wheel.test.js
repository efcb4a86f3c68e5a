import assert from 'node:assert/strict'
import { mock, test } from 'node:test'

import { HINT, guardWheel } from '../../../ui/shell/wheel.js'

// A page with a stage: `wheel(keys)` is whether the wheel came to the picture.
function stageOnPage() {
  const [page, stage, hint] = [new EventTarget(), new EventTarget(), { hidden: false }]
  const end = guardWheel(stage, hint, page)
  const wheel = (keys = {}) => {
    const event = Object.assign(new Event('wheel'), keys)
    let stopped = false
    event.stopPropagation = () => { stopped = true }
    stage.dispatchEvent(event)
    return !stopped
  }
  const press = (...through) => { for (const target of through) target.dispatchEvent(new Event('pointerdown')) }
  return { page, stage, hint, end, wheel, press }
}

test('the wheel is the page’s until a person has pressed into the picture, and again once they press elsewhere', () => {
  const { page, stage, wheel, press } = stageOnPage()
  assert.equal(wheel(), false)
  press(page, stage)
  assert.equal(wheel(), true)
  press(page)
  assert.equal(wheel(), false)
})

test('with Ctrl or ⌘, as a pinch says it too, and in full screen it zooms at once', () => {
  const { page, hint, wheel } = stageOnPage()
  assert.deepEqual([wheel({ ctrlKey: true }), wheel({ metaKey: true }), hint.hidden], [true, true, true])
  page.fullscreenElement = {}
  assert.equal(wheel(), true)
})

test('where the page was scrolled a hint says how to zoom, and goes by itself, by a press and with the picture', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const { page, stage, hint, end, wheel, press } = stageOnPage()
  assert.deepEqual([hint.textContent, hint.hidden], [HINT, true])
  wheel()
  assert.equal(hint.hidden, false)
  mock.timers.tick(5000)
  assert.equal(hint.hidden, true)
  wheel()
  press(page, stage)
  assert.equal(hint.hidden, true)
  press(page)
  wheel()
  end()
  assert.equal(hint.hidden, true)
  assert.equal(wheel(), true, 'nothing is held any more')
  mock.timers.reset()
})
