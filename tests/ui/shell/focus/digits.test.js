import assert from 'node:assert/strict'
import { test } from 'node:test'

import { gradeByDigits } from '../../../../ui/shell/focus/digits.js'

globalThis.CSS = { escape: (text) => text }

// A page with choices of digits, by key, and a button `sign`: `given` are the grades, `press` sends a key to the page.
function pageOf(choices) {
  const page = new EventTarget()
  const given = {}
  const radio = (key, grade) => ({
    textContent: ` ${grade} `,
    getAttribute: () => String(given[key] === grade),
    click() { given[key] = given[key] === grade ? null : grade },
    focus() { page.activeElement = this },
  })
  const widgets = { sign: [{ focus() { page.activeElement = this } }] }
  for (const [key, grades] of Object.entries(choices)) widgets[key] = grades.map((grade) => radio(key, grade))
  const found = (key, kind) => {
    if (key === 'sign') return kind === 'button' ? widgets.sign[0] : null
    if (kind === '[role=radio]') return widgets[key][0]
    return kind.includes('checked') ? widgets[key].find((each) => each.getAttribute() === 'true') : null
  }
  page.querySelector = (selector) => {
    const key = selector.replace('.st-key-', '')
    return {
      contains: (element) => widgets[key].includes(element),
      querySelector: (kind) => found(key, kind),
      querySelectorAll: () => widgets[key],
    }
  }
  page.activeElement = Object.values(widgets)[1]?.[0]
  const press = (key, more = {}) => {
    const event = Object.assign(new Event('keydown', { cancelable: true }), { key }, more)
    page.dispatchEvent(event)
    return event.defaultPrevented
  }
  const onButton = () => page.activeElement === widgets.sign[0]
  return { page, given, press, onButton, lead: () => gradeByDigits(page, { digits: Object.keys(choices), start: 'g', then: 'sign' }) }
}

const GRADES = { steatosis: ['0', '1', '2', '3'], inflammation: ['0', '1', '2', '3'], ballooning: ['0', '1', '2'] }

test('each digit grades one feature and leads on, after the last to the button', () => {
  const { given, press, onButton, lead } = pageOf(GRADES)
  lead()
  for (const key of '221') press(key)
  assert.deepEqual(given, { steatosis: '2', inflammation: '2', ballooning: '1' })
  assert.equal(onButton(), true)
  assert.equal(press('1'), false, 'there the digits are over')
})

test('one key is one grade where something listens twice, and where it is held', () => {
  const { given, press, lead } = pageOf(GRADES)
  lead()
  lead()
  press('2')
  assert.deepEqual(given, { steatosis: '2' })
  press('2', { repeat: true })
  assert.deepEqual(given, { steatosis: '2' })
  press('3')
  assert.deepEqual(given, { steatosis: '2', inflammation: '3' })
})

test('a digit that is chosen already stays, one that is none of the grades and one with Ctrl do nothing', () => {
  const { given, press, lead } = pageOf(GRADES)
  given.steatosis = '1'
  lead()
  assert.equal(press('7'), false)
  assert.equal(press('2', { ctrlKey: true }), false)
  press('1')
  assert.equal(given.steatosis, '1')
})

test('once it is ended no key grades', () => {
  const { given, press, lead } = pageOf(GRADES)
  lead()()
  press('2')
  assert.deepEqual(given, {})
})

test('a letter leads to the first grade at once, so that no digit that follows is lost', () => {
  const { page, given, press, onButton, lead } = pageOf(GRADES)
  lead()
  page.activeElement = { tagName: 'BODY' }
  assert.equal(press('2'), false, 'before it no digit grades')
  for (const key of 'G221') press(key)
  assert.deepEqual(given, { steatosis: '2', inflammation: '2', ballooning: '1' })
  assert.equal(onButton(), true)
})

test('in a field that is written in the letter is a letter', () => {
  const { page, press, lead } = pageOf(GRADES)
  lead()
  page.activeElement = { tagName: 'INPUT' }
  assert.equal(press('g'), false)
})
