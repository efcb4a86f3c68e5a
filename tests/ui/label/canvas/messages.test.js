import assert from 'node:assert/strict'
import { afterEach, beforeEach, mock, test } from 'node:test'

import { Messages } from '../../../../ui/label/canvas/messages.js'
import { freshPage } from '../../fakes.js'

let messages, sent, now, app
const root = new EventTarget()
const link = (pathname) => ({ href: `http://lab${pathname}`, pathname })
const pointed = (name, ...at) => {
  const event = new Event(name)
  event.composedPath = () => at
  window.dispatchEvent(event)
}
beforeEach(() => {
  freshPage()
  app = { dataset: { testScriptState: 'notRunning' } }
  globalThis.document = { querySelector: () => app }
  window.location = { pathname: '/label' }
  now = 0
  mock.timers.enable({ apis: ['setTimeout'] })
  mock.method(performance, 'now', () => now)
  messages = new Messages(root)
  sent = []
})
afterEach(() => { delete globalThis.document; messages.close(); mock.timers.reset(); mock.restoreAll() })
const pass = (ms) => { for (let past = 0; past < ms; past += 50) { now += 50; mock.timers.tick(50) } }
const tell = (name, words = name) => messages.tell(name, () => sent.push(words))

test('a message waits a moment after it came up: a reader may just be turning to a link', () => {
  tell('finished')
  pass(550)
  assert.deepEqual(sent, [])
  pass(100)
  assert.deepEqual(sent, ['finished'])
})

test('a click elsewhere, before or after, holds it back until the click has settled', () => {
  tell('finished')
  pass(500)
  pointed('click')
  pass(2900)
  assert.deepEqual(sent, [])
  pass(200)
  assert.deepEqual(sent, ['finished'])
})

test('a pointer that moves holds it back a little; on the canvas itself it does not', () => {
  tell('finished')
  pass(500)
  pointed('pointermove')
  pointed('click', root)
  pass(550)
  assert.deepEqual(sent, [])
  pass(100)
  assert.deepEqual(sent, ['finished'])
})

test('a link to another page holds it back until a busy lab has drawn that; a link to this page does not', () => {
  tell('finished')
  pointed('click', {}, link('/agreement'))
  pass(30000)
  assert.deepEqual(sent, [])
  pass(30100)
  assert.deepEqual(sent, ['finished'])
  tell('renew')
  pointed('click', link('/label'))
  pass(3100)
  assert.deepEqual(sent, ['finished', 'renew'])
})

test('while the lab draws a page nothing is said, nor while the address is another page\'s after a step back', () => {
  tell('finished')
  app.dataset.testScriptState = 'running'
  pass(9000)
  assert.deepEqual(sent, [])
  app.dataset.testScriptState = 'notRunning'
  window.location.pathname = '/agreement'
  pass(9000)
  assert.deepEqual(sent, [])
  window.location.pathname = '/label'
  pass(700)
  assert.deepEqual(sent, ['finished'])
})

test('a page that does not tell its state holds nothing back', () => {
  app = null
  tell('finished')
  pass(700)
  assert.deepEqual(sent, ['finished'])
})

test('a newer message of the same name takes the place of one that waits', () => {
  tell('renew', 'old')
  tell('renew', 'new')
  tell('finished')
  pass(700)
  assert.deepEqual(sent, ['new', 'finished'])
})

test('a closed canvas says nothing more', () => {
  tell('finished')
  messages.close()
  pass(5000)
  assert.deepEqual(sent, [])
})
