import assert from 'node:assert/strict'
import { test } from 'node:test'

import { keyOf, keyWords, meaning, problemWith } from '../../../../ui/label/canvas/keys.js'

const KEYS = { ignore: 'i', next: 'ArrowRight', accept: ' ' }
const press = (key, code = '', more = {}) => ({ key, code, ...more })

test('digits are grades by their place on the keyboard, with the keypad, and not with Shift', () => {
  assert.equal(meaning(press('é', 'Digit2'), KEYS), '2') // a French keyboard
  assert.equal(meaning(press('3', 'Numpad3'), KEYS), '3')
  assert.equal(meaning(press('"', 'Digit2', { shiftKey: true }), KEYS), null)
})

test('letters mean their act with Shift or without, and the minus is unknown', () => {
  for (const key of ['i', 'I']) assert.equal(meaning(press(key), KEYS), 'ignore')
  assert.equal(meaning(press('ArrowRight'), KEYS), 'next')
  assert.equal(meaning(press('-'), KEYS), 'unknown')
  assert.equal(meaning(press('z'), KEYS), null)
})

test('what belongs to the browser is left to it', () => {
  for (const held of ['ctrlKey', 'metaKey', 'altKey', 'isComposing']) assert.equal(meaning(press('i', '', { [held]: true }), KEYS), null)
})

test('keys are named as on a keyboard', () => {
  assert.deepEqual([' ', 'ArrowLeft', 'q', 'F2'].map(keyWords), ['Space', '←', 'Q', 'F2'])
  assert.equal(keyOf(press('Q')), 'q')
})

test('a key that is taken is refused with the act that has it; an act may keep its own', () => {
  const known = { keys: KEYS, names: { ignore: 'Ignore', next: 'Pass' }, taken: ['1', 'c'] }
  assert.match(problemWith('i', 'next', known), /I is the key of “Ignore” already/)
  assert.match(problemWith('c', 'next', known), /belong to the page/)
  assert.equal(problemWith('i', 'ignore', known), '')
  assert.equal(problemWith('q', 'ignore', known), '')
})
