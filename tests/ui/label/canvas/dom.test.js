import assert from 'node:assert/strict'
import { test } from 'node:test'

import { attribute, partsOf, toggle, write } from '../../../../ui/label/canvas/dom.js'

test('what is as it should be already is not written', () => {
  const written = []
  const el = {
    get textContent() { return 'a' },
    set textContent(text) { written.push(text) },
    getAttribute: () => 'true',
    setAttribute: (...given) => written.push(given),
    classList: { contains: () => true, toggle: (...given) => written.push(given) },
  }
  write(el, 'a')
  attribute(el, 'aria-pressed', 'true')
  toggle(el, 'here', true)
  assert.deepEqual(written, [])
  write(el, 'b')
  attribute(el, 'aria-pressed', 'false')
  toggle(el, 'here', false)
  assert.deepEqual(written, ['b', ['aria-pressed', 'false'], ['here', false]])
})

test('parts are known by their names', () => {
  const [stage, grades] = [{ dataset: { part: 'stage' } }, { dataset: { part: 'grades' } }]
  assert.deepEqual(partsOf({ querySelectorAll: () => [stage, grades] }), { stage, grades })
})
