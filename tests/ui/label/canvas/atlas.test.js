import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Atlas, exemplar, hasColumn, missingWords } from '../../../../ui/label/canvas/atlas.js'

test('exemplars that are missing are counted in words', () => {
  assert.equal(missingWords({ patches: [1], missing: 2 }), '2 more needed')
  assert.equal(missingWords({ patches: [], missing: 3 }), 'No exemplar yet: 3 agreed patches of this grade are needed.')
})

test('only while it is open do its keys turn it', () => {
  const turned = []
  const atlas = new Atlas({ atlas: { clientHeight: 500, scrollBy: ({ top }) => turned.push(top) } }, {}, {}, [])
  assert.equal(atlas.turn('PageDown'), false)
  atlas.open = true
  assert.ok(atlas.turn('PageDown') && atlas.turn('PageUp'))
  assert.deepEqual(turned, [400, -400])
  assert.equal(atlas.turn('a'), false)
})

test('it fills the column that is free, and stays closed once its reader has closed it', async () => {
  const kept = new Map()
  globalThis.sessionStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) }
  assert.ok(hasColumn(1650, 850) && !hasColumn(1450, 850))
  const [classes, placed] = [new Set(), []]
  const classList = {
    contains: (name) => classes.has(name),
    toggle: (name, on) => (on ? classes.add(name) : classes.delete(name)),
  }
  const root = { clientWidth: 900, classList, dataset: { step: '' }, append: () => placed.push('column') }
  const right = { querySelector: () => ({ before: () => placed.push('place') }) }
  const atlas = new Atlas({ atlas: { replaceChildren: () => {} } }, {}, {}, [])
  const loaded = []
  atlas.load = (task) => loaded.push(task)
  atlas.fit(root, { clientWidth: 500 }, right)
  assert.equal(atlas.open, false)
  root.clientWidth = 1650
  atlas.fit(root, { clientWidth: 850 }, right)
  assert.equal(atlas.open, false, 'before a patch is shown there is no feature to show')
  root.dataset.step = 'steatosis'
  atlas.fit(root, { clientWidth: 850 }, right)
  assert.ok(atlas.open && classes.has('wide') && classes.has('guiding'))
  atlas.toggle(root, 'steatosis')
  atlas.fit(root, { clientWidth: 850 }, right)
  assert.equal(atlas.open, false)
  atlas.toggle(root, 'steatosis')
  root.clientWidth = 900
  atlas.fit(root, { clientWidth: 500 }, right)
  assert.ok(!atlas.open && !classes.has('wide'))
  assert.deepEqual([loaded.length, placed], [2, ['column', 'place']])
  delete globalThis.sessionStorage
})

test('a frame says that its picture is coming, then what it is marked as, or that it cannot be shown', async () => {
  const made = () => {
    const classes = new Set()
    const classList = { contains: (name) => classes.has(name), toggle: (name, on) => (on ? classes.add(name) : classes.delete(name)) }
    const part = { classList, parts: [], setAttribute: () => {}, getContext: () => ({ drawImage: () => {} }) }
    Object.defineProperty(part, 'className', { set: (names) => names.split(' ').forEach((name) => classes.add(name)) })
    return Object.assign(part, {
      append: (...parts) => part.parts.push(...parts), replaceChildren: (...parts) => { part.parts = parts },
    })
  }
  globalThis.document = { createElement: made }
  const words = ({ parts }) => parts.map((part) => part.textContent ?? '').join('')
  let arrive
  const shown = exemplar(new Promise((done) => { arrive = done }), 'Steatosis 1', 'simulated')
  assert.equal(words(shown), 'coming')
  arrive({})
  await new Promise(setImmediate)
  assert.equal(words(shown), 'simulated')
  assert.ok(!shown.classList.contains('coming'))
  const lost = exemplar(Promise.reject(new Error('away')), 'Steatosis 1', '')
  await new Promise(setImmediate)
  assert.equal(words(lost), 'cannot be shown')
  delete globalThis.document
})
