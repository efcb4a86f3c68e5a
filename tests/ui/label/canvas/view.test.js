import assert from 'node:assert/strict'
import { test } from 'node:test'

import { countWords, gradesShown, savedState, savedWords } from '../../../../ui/label/canvas/view.js'

test('how long the rest takes is said by the middle of the last times, once five are known', () => {
  assert.equal(countWords(4, 60, [1000, 1000, 1000, 1000]), '4 of 60')
  assert.equal(countWords(12, 60, [90_000, 2500, 2500, 2500, 1]), '12 of 60 · ~2 min') // 48 x 2.5 s
  assert.equal(countWords(59, 60, [1, 1, 1, 1, 1]), '59 of 60 · ~1 min')
  assert.equal(countWords(60, 60, [1000, 1000, 1000, 1000, 1000]), '60 of 60')
})

test('what is not in the database is never called saved', () => {
  assert.equal(savedState({ size: 0, reachable: false }), 'saved')
  assert.equal(savedState({ size: 0, reachable: true }, false), 'none')
  assert.equal(savedWords('none', 0), '')
  assert.equal(savedState({ size: 2, reachable: true }), 'saving')
  assert.equal(savedState({ size: 2, reachable: false }), 'away')
  assert.match(savedWords('away', 2), /^2 not saved yet: the lab does not answer/)
  assert.match(savedWords('away', 2, 'The disk is full.'), /: The disk is full\. Kept in this browser/)
  assert.equal(savedWords('saved', 0), 'Saved')
})

test('the unfinished draft is shown before the reader’s own label, and an ignored patch shows no grade', () => {
  const own = { labelled: true, ignored: false, grades: { steatosis: 1 } }
  assert.deepEqual(gradesShown({ empty: false, grades: { steatosis: 3 } }, own), { steatosis: 3 })
  assert.deepEqual(gradesShown({ empty: true, grades: {} }, own), { steatosis: 1 })
  assert.deepEqual(gradesShown(null, { ...own, ignored: true }), {})
  assert.deepEqual(gradesShown(null, null), {})
})
