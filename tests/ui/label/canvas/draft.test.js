import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { Draft } from '../../../../ui/label/canvas/draft.js'
import { freshPage } from '../../fakes.js'

const TASKS = ['ballooning', 'inflammation', 'steatosis']
const draft = (patch = 5) => new Draft(3, { patch_id: patch }, TASKS)
beforeEach(freshPage)

test('a grade goes to the next task that has none, around the end', () => {
  const made = draft()
  made.step = 'inflammation'
  made.give('inflammation', 2)
  assert.equal(made.step, 'steatosis')
  made.give('steatosis', null)
  assert.equal(made.step, 'ballooning')
  assert.deepEqual(made.open, ['ballooning'])
  made.give('ballooning', 1)
  assert.deepEqual(made.open, [])
})

test('grades are taken back in the order they were given', () => {
  const made = draft()
  made.give('ballooning', 1)
  made.give('inflammation', 2)
  made.give('ballooning', 0)
  made.takeBack()
  assert.deepEqual(made.grades, { inflammation: 2 })
  assert.equal(made.step, 'ballooning')
  made.takeBack()
  assert.ok(made.empty)
})

test('a reload finds the draft of the same patch, and of no other', () => {
  draft(5).give('ballooning', null)
  const again = draft(5)
  assert.deepEqual(again.grades, { ballooning: null })
  assert.equal(again.step, 'inflammation')
  assert.ok(draft(6).empty)
  again.drop()
  assert.ok(draft(5).empty)
})

test('a damaged draft is forgotten', () => {
  localStorage.setItem('mmdnet:draft:3:5', '{')
  assert.ok(draft().empty)
  assert.equal(localStorage.getItem('mmdnet:draft:3:5'), null)
})
