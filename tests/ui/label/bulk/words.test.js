import assert from 'node:assert/strict'
import { test } from 'node:test'

import { patches } from '../../../../ui/label/canvas/counts.js'
import { givenWords, kindName, savedWords, withGrade } from '../../../../ui/label/bulk/words.js'

const TASKS = [{ name: 'ballooning', title: 'Ballooning' }, { name: 'steatosis', title: 'Steatosis' }]

test('patches are counted as people count', () => {
  assert.deepEqual([0, 1, 2, 20000].map(patches), ['0 patches', '1 patch', '2 patches', '20,000 patches'])
})

test('a kind of tissue is called by its number and its measured fat', () => {
  const named = [NaN, 0.001, 0.124].map((fat) => kindName({ kind: 2, fat }))
  assert.deepEqual(named, ['kind 3', 'kind 3, fat < 1 %', 'kind 3, fat 12 %'])
})

test('a grade pressed twice is not chosen, and grades and ignore never stand together', () => {
  assert.deepEqual(withGrade({ steatosis: 1 }, 'steatosis', 2), { steatosis: 2 })
  assert.deepEqual(withGrade({ steatosis: 2 }, 'steatosis', 2), {})
  assert.deepEqual(withGrade({ ignored: true }, 'ballooning', 0), { ballooning: 0 })
})

test('the button says what will be given, and the note what was', () => {
  assert.equal(givenWords({}, TASKS), '')
  const words = givenWords({ steatosis: 2, ballooning: 0 }, TASKS)
  assert.equal(words, 'Give ballooning 0, steatosis 2 to')
  assert.equal(savedWords(words, 30), 'Saved: ballooning 0, steatosis 2, 30 patches.')
  assert.equal(savedWords(givenWords({ ignored: true }, TASKS), 1), 'Saved: ignored, 1 patch.')
})
