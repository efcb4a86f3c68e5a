import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Keeper } from '../../../../ui/shell/unsent/keeper.js'
import { freshPage } from '../../fakes.js'

const DATA = { whose: '7', form: 'add 1', known: {}, typed: ['path', 'wrong_scale'], taken: 0, sent: 0, asked: 0 }

// A tab with a form, as it is drawn: `told` is what the page was given back.
function tab(storage = freshPage().localStorage) {
  const fields = { path: '', wrong_scale: false }
  const told = []
  const draw = (changes = {}, keeper = new Keeper(storage, (key) => fields[key])) => {
    keeper.update({ ...DATA, ...changes }, (kept) => told.push(kept))
    return keeper
  }
  return { storage, fields, told, draw }
}

test('what was half typed comes back to the page that is drawn anew, and only there', () => {
  const { fields, told, draw } = tab()
  const keeper = draw()
  fields.path = '/data/sli'
  keeper.look()
  draw({ taken: 0 }, keeper)
  assert.deepEqual(told, [], 'a run of the same page is told nothing')
  draw({ form: 'add 2' })
  assert.deepEqual(told, [], 'nor is another form')
  draw()
  assert.deepEqual(told, [{ path: '/data/sli', wrong_scale: false }])
  draw()
  assert.equal(told.length, 2, 'it is kept for the next time, too')
})

test('the empty fields of a page that has not taken it back yet do not overwrite it', () => {
  const { fields, told, draw } = tab()
  fields.path = '/data'
  draw().look()
  fields.path = ''
  const again = draw({ known: { grade: null } })
  again.look()
  draw({ known: { grade: null } }, again)
  draw()
  assert.deepEqual(told.at(-1), { path: '/data', wrong_scale: false })
  fields.path = '/data/x'
  draw({ taken: 1 }, again).look()
  draw()
  assert.equal(told.at(-1).path, '/data/x', 'afterwards it is kept on')
})

test('what the page knows is kept beside what is typed, a field that is not on the page stays as it was', () => {
  const { fields, told, draw } = tab()
  const keeper = draw()
  fields.path = 'by eye'
  keeper.look()
  delete fields.path
  draw({ known: { grade: 2 } }, keeper)
  draw()
  assert.deepEqual(told, [{ path: 'by eye', wrong_scale: false, grade: 2 }])
})

test('a page that did not draw the form for a while asks for it again', () => {
  const { fields, told, draw } = tab()
  const keeper = draw()
  fields.path = '/data'
  keeper.look()
  delete fields.path
  delete fields.wrong_scale
  keeper.look()
  Object.assign(fields, { path: '', wrong_scale: false })
  draw({ asked: 1 }, keeper)
  keeper.look()
  assert.deepEqual(told, [{ path: '/data', wrong_scale: false }])
  draw({ asked: 1, taken: 1 }, keeper)
  draw()
  assert.equal(told.length, 2, 'and is kept on')
})

test('nothing is left of a form that was sent or emptied', () => {
  const { storage, fields, draw } = tab()
  const keeper = draw()
  fields.path = '/data'
  keeper.look()
  draw({ sent: 1 }, keeper)
  assert.deepEqual(Object.keys(storage), [])
  keeper.look()
  fields.path = ''
  keeper.look()
  assert.deepEqual(Object.keys(storage), [])
})

test('another person at the same tab, or nobody, finds nothing and leaves nothing', () => {
  for (const whose of ['8', null]) {
    const { storage, fields, told, draw } = tab()
    fields.path = '/data'
    draw().look()
    storage['mmdnet:unsent:broken'] = '{'
    storage['mmdnet:reader'] = 'Ada'
    draw({ whose, form: 'add 2' })
    assert.deepEqual(Object.keys(storage), ['mmdnet:reader'])
    draw()
    assert.deepEqual(told, [])
  }
})

test('a browser that keeps nothing is no failure', () => {
  const fails = () => { throw new Error('denied') }
  const { fields, told, draw } = tab({ getItem: fails, setItem: fails, removeItem: fails })
  fields.path = '/data'
  draw().look()
  draw()
  assert.deepEqual(told, [])
})
