import assert from 'node:assert/strict'
import { test } from 'node:test'

import { remembered } from '../../../../ui/shell/memory/remembered.js'

function storage() {
  const kept = new Map()
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) }
}

test('the name that was chosen is told after a reload, and only where the page asks', () => {
  const tab = storage()
  assert.equal(remembered(tab, { name: null, asked: true }), null)
  assert.equal(remembered(tab, { name: 'Ada', asked: false }), null)
  assert.equal(remembered(tab, { name: null, asked: true }), 'Ada')
  assert.equal(remembered(storage(), { name: null, asked: true }), null, 'another tab knows nobody')
})

test('whoever is taken out of the box is forgotten', () => {
  const tab = storage()
  remembered(tab, { name: 'Ada', asked: false })
  remembered(tab, { name: null, asked: false })
  assert.equal(remembered(tab, { name: null, asked: true }), null)
})

test('a browser that keeps nothing is no failure', () => {
  const none = { getItem: () => { throw new Error('denied') }, setItem: () => { throw new Error('denied') } }
  assert.equal(remembered(none, { name: 'Ada', asked: false }), null)
  assert.equal(remembered(none, { name: null, asked: true }), null)
})
