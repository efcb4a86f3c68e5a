import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { KeyDialog } from '../../../../ui/label/canvas/key_dialog.js'
import { refusal } from '../../fakes.js'

let dialog, part, changes, posted
const element = () => ({ dataset: {}, style: {}, append() {}, setAttribute() {}, focus() {} })
const press = (key, more = {}) => dialog.press({ key, stopPropagation() {}, preventDefault() {}, ...more })
beforeEach(() => {
  globalThis.document = { createElement: element }
  part = {
    keys: { hidden: true, querySelector: element },
    keylist: { replaceChildren: (...rows) => { part.rows = rows }, querySelector: element },
    keyproblem: {},
  }
  changes = 0
  posted = []
  const api = { post: async (path, body) => { posted.push([path, body]); return { keys: body.keys } } }
  const data = { acts: { ignore: 'Ignore', flag: 'Flag for later' }, usual_keys: { ignore: 'i', flag: 'f' }, taken_keys: ['1'], keys: { ignore: 'q', flag: 'f' } }
  dialog = new KeyDialog(part, data, api, () => { changes += 1 })
  dialog.show()
})

test('a new key is kept when the lab has it', async () => {
  dialog.waitFor('flag')
  press('Z')
  assert.deepEqual(dialog.keys, { ignore: 'q', flag: 'z' })
  await dialog.save()
  assert.deepEqual(posted, [['/api/label/keys', { keys: { ignore: 'q', flag: 'z' } }]])
  assert.equal(dialog.open, false)
  assert.equal(changes, 1)
})

test('a taken key is refused in words and waited for again', () => {
  dialog.waitFor('flag')
  press('q')
  assert.match(part.keyproblem.textContent, /Q is the key of “Ignore” already/)
  press('1')
  assert.match(part.keyproblem.textContent, /Digits are grades/)
  press('Shift')
  assert.equal(dialog.waiting, 'flag')
  assert.deepEqual(dialog.keys, { ignore: 'q', flag: 'f' })
})

test('Escape first ends the waiting, then takes back what was changed', () => {
  dialog.waitFor('flag')
  press('z')
  dialog.waitFor('ignore')
  press('Escape')
  assert.ok(dialog.open)
  press('Escape')
  assert.equal(dialog.open, false)
  assert.deepEqual(dialog.keys, { ignore: 'q', flag: 'f' })
})

test('keys the lab refuses or does not hear of are not the reader’s yet', async () => {
  dialog.api.post = async () => { throw refusal(400, 'Two acts have the same key.') }
  await dialog.save()
  assert.equal(part.keyproblem.textContent, 'Two acts have the same key.')
  dialog.api.post = async () => { throw new Error('away') }
  await dialog.save()
  assert.match(part.keyproblem.textContent, /not kept yet/)
  assert.ok(dialog.open)
})
