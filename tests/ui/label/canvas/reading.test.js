import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'

import { Looks } from '../../../../ui/label/canvas/looks.js'
import { Queue } from '../../../../ui/label/canvas/queue.js'
import { Reading } from '../../../../ui/label/canvas/reading.js'
import { freshPage, promised, refusal, until } from '../../fakes.js'

const TASKS = ['ballooning', 'inflammation', 'steatosis']
const HIGHEST = { ballooning: 2, inflammation: 3, steatosis: 3 }

// The lab as the reading knows it: patches 100, 101, ..., what was sent, and answers that can be held back.
class Bench {
  constructor(patches, changes = {}) {
    this.sent = []
    this.answers = [] // what `put` resolves with next; without one the lab has saved it at once
    this.watched = new Map()
    this.blank = []
    this.finished = 0
    this.progress = { labelled: 0, patches, resume_at: patches, times_ms: [] }
    this.items = Array.from({ length: patches }, (_, n) => ({ position: n, patch_id: 100 + n, side_um: 149.5, stain: 'H&E', own: null, suggestion: null, ...changes[n] }))
    this.missing = new Map() // path -> what getting the picture fails with, or a promise of it
    this.api = {
      get: async (path) => {
        if (path === '/api/label/progress') return this.progress
        const { searchParams } = new URL(path, 'http://lab')
        const offset = Number(searchParams.get('offset'))
        return { items: this.items.slice(offset, offset + Number(searchParams.get('limit'))) }
      },
    }
    this.outbox = {
      size: 0,
      reachable: true,
      flush: async () => {},
      watch: (key, tell) => this.watched.set(key, tell),
      put: (act) => { this.sent.push(act); return this.answers.shift() ?? Promise.resolve({ saved: true }) },
    }
    this.pictures = {
      now: (path) => (this.missing.has(path) ? null : { path }),
      want: () => {},
      get: async (path) => {
        const problem = this.missing.get(path)
        if (problem instanceof Error) throw problem
        return problem ?? { path }
      },
    }
    this.view = {
      blank: (_, words = 'Loading the patch') => this.blank.push(words),
      patch: () => {},
      state: () => {},
      finished: () => { this.finished += 1 },
      highest: (task) => HIGHEST[task],
      title: (task) => task,
    }
    this.stage = { show: () => {}, showAround: () => { this.around = true }, ahead: () => {} }
    this.reading = new Reading({
      api: this.api, outbox: this.outbox, queue: new Queue(this.api, 12), pictures: this.pictures, view: this.view, stage: this.stage,
      looks: new Looks(), atlas: { open: false }, session: 3, tasks: TASKS, done: 0, patches, times: [], left: changes.left,
    })
  }

  get patch() { return this.reading.painted }
  press(...names) { for (const name of names) this.reading.key(name, performance.now()) }
  async start(position = 0) { await this.reading.start(position) }
}

let bench
beforeEach(freshPage)
afterEach(() => bench?.reading.close())

test('three digits grade the patch they were pressed on, and the next one shows', async () => {
  bench = new Bench(3)
  await bench.start()
  bench.press('1', '2', '3')
  await until(() => bench.patch === 101)
  const [act] = bench.sent
  assert.deepEqual([act.act, act.patch_id, act.grades, act.based_on], ['grade', 100, { ballooning: 1, inflammation: 2, steatosis: 3 }, null])
  assert.equal(bench.reading.done, 1)
  assert.ok(Number.isInteger(act.took_ms))
  assert.deepEqual(act.shown, { view: 'patch' })
})

test('keys that come before the next patch is painted are kept for it and marked as typed ahead', async () => {
  bench = new Bench(3)
  const answer = promised()
  await bench.start()
  bench.answers.push(answer.promise)
  bench.press('0', '0', '0', '2', '1', '1')
  assert.equal(bench.sent.length, 1)
  answer.resolve({ saved: true })
  await until(() => bench.sent.length === 2)
  assert.deepEqual([bench.sent[1].patch_id, bench.sent[1].grades.ballooning, bench.sent[1].shown.typed_ahead], [101, 2, true])
})

test('while the next patch is not there, keys beyond sixty are refused in words', async () => {
  bench = new Bench(3)
  await bench.start()
  bench.answers.push(promised().promise)
  bench.press('0', '0', '0', ...Array(60).fill('1'))
  assert.equal(bench.reading.notice, '')
  bench.press('1')
  assert.match(bench.reading.notice, /this key was not taken/)
})

test('a grade the task has not is refused, and nothing is given', async () => {
  bench = new Bench(2)
  await bench.start()
  bench.press('3')
  assert.equal(bench.reading.notice, 'ballooning has grades 0 to 2.')
  assert.ok(bench.reading.draft.empty)
})

test('unknown counts as given, enter leaves the rest unknown, and ignore gives no grade', async () => {
  bench = new Bench(4)
  await bench.start()
  bench.press('unknown', '2', 'enter')
  await until(() => bench.patch === 101)
  assert.deepEqual(bench.sent[0].grades, { ballooning: null, inflammation: 2 })
  bench.press('enter')
  assert.equal(bench.sent.length, 1, 'an empty draft is not sent')
  bench.press('ignore')
  await until(() => bench.patch === 102)
  assert.deepEqual([bench.sent[1].act, bench.sent[1].ignored, bench.sent[1].grades], ['ignore', true, {}])
})

test('a flag stays with the label, whichever comes first', async () => {
  bench = new Bench(2)
  await bench.start()
  bench.press('flag', '0', '0', '0')
  await until(() => bench.patch === 101)
  assert.deepEqual(bench.sent.map((act) => [act.act, act.flagged]), [['flag', true], ['grade', true]])
  assert.equal(bench.sent[1].based_on, bench.sent[0].key)
  assert.equal(bench.reading.done, 1)
})

test('undo takes back the grades of an unfinished patch one by one, then the last act, and goes back to its patch', async () => {
  bench = new Bench(3)
  await bench.start()
  bench.press('1', '1', '1')
  await until(() => bench.patch === 101)
  bench.press('2', 'undo')
  assert.ok(bench.reading.draft.empty)
  bench.press('undo')
  assert.equal(bench.patch, 100)
  const [act, undo] = bench.sent
  assert.deepEqual([undo.act, undo.undoes], ['undo', act.key])
  assert.equal(bench.reading.done, 0)
  assert.equal(bench.reading.item.own.labelled, false)
  assert.equal(bench.reading.notice, 'Undone.')
})

test('what was done before this tab only the lab knows: it says which patch to go back to', async () => {
  bench = new Bench(40)
  await bench.start(5)
  bench.press('undo')
  const [undo] = bench.sent
  assert.deepEqual([undo.act, undo.undoes], ['undo', null])
  bench.progress.labelled = 4
  bench.watched.get(undo.key)({ saved: true, patches: [102] })
  await until(() => bench.patch === 102)
  assert.equal(bench.reading.done, 4)
})

test('a click on a labelled patch changes that one grade and stays', async () => {
  const own = { key: 'old', labelled: true, ignored: false, flagged: false, grades: { ballooning: 1, inflammation: 1, steatosis: 1 } }
  bench = new Bench(2, { 0: { own } })
  await bench.start()
  bench.reading.click('steatosis', 3, performance.now())
  assert.equal(bench.patch, 100)
  assert.deepEqual(bench.sent[0].grades, { ballooning: 1, inflammation: 1, steatosis: 3 })
  assert.equal(bench.sent[0].based_on, 'old')
  assert.equal(bench.reading.done, 0, 'it was labelled before')
})

const HINT = { model: 1, grades: { ballooning: 1, inflammation: 0, steatosis: 2 } }

test('suggested grades are taken with one key, and the log says which were', async () => {
  bench = new Bench(2, { 0: { suggestion: HINT } })
  await bench.start()
  bench.press('2', 'accept')
  await until(() => bench.patch === 101)
  const [{ grades, shown }] = bench.sent
  assert.deepEqual(grades, { ballooning: 2, inflammation: 0, steatosis: 2 })
  assert.deepEqual(shown.accepted, ['inflammation', 'steatosis'])
  assert.deepEqual(shown.suggestion, HINT)
  bench.press('accept')
  assert.equal(bench.reading.notice, 'There is no suggestion for this patch.')
})

test('a reader who has labelled a patch is shown no suggestion for it', async () => {
  bench = new Bench(1, { 0: { suggestion: HINT, own: { labelled: true, grades: {} } } })
  await bench.start()
  assert.equal(bench.reading.suggestion, null)
})

test('what else was looked at stands in the log of this patch and not of the next', async () => {
  bench = new Bench(2)
  await bench.start()
  await bench.reading.around(true)
  assert.ok(bench.around)
  bench.reading.seen.add('ruler')
  bench.reading.looks.brighter()
  bench.press('0', '0', '0')
  await until(() => bench.patch === 101)
  assert.deepEqual(bench.sent[0].shown, { view: 'context', look: { brightness: 1.2 }, seen: ['surroundings', 'ruler'] })
  bench.reading.looks.reset()
  bench.press('0', '0', '0')
  await until(() => bench.sent.length === 2)
  assert.deepEqual(bench.sent[1].shown, { view: 'patch' })
})

test('a refusal takes the label off again and stays said while the reader goes on', async () => {
  bench = new Bench(3)
  await bench.start()
  bench.press('1', '1', '1')
  await until(() => bench.patch === 101)
  bench.reading.refused(bench.sent[0], 'Too late.')
  assert.equal(bench.reading.notice, 'An earlier patch was not taken: Too late.')
  assert.equal(bench.reading.done, 0)
  assert.equal(bench.reading.queue.items[0].own, null)
  bench.press('0')
  assert.match(bench.reading.notice, /Too late/)
})

test('a refusal of an older act leaves a newer label of the same patch alone', async () => {
  bench = new Bench(2)
  await bench.start()
  bench.press('flag', 'flag')
  bench.reading.refused(bench.sent[0], 'No.')
  assert.equal(bench.reading.item.own.key, bench.sent[1].key)
})

test('a patch whose picture cannot be made is never graded, but may be ignored', async () => {
  bench = new Bench(2)
  bench.missing.set('/api/patch/100.jpg', refusal(400, 'The file is damaged.'))
  await bench.start()
  assert.match(bench.blank.at(-1), /cannot be shown: The file is damaged/)
  bench.press('1', '1', '1')
  assert.deepEqual(bench.sent, [])
  bench.reading.held = []
  bench.press('ignore')
  await until(() => bench.patch === 101)
  assert.deepEqual(bench.sent.map((act) => [act.act, act.patch_id]), [['ignore', 100]])
})

test('a picture that fails because the lab is away is asked for until it comes', async () => {
  bench = new Bench(1)
  bench.missing.set('/api/patch/100.jpg', new Error('away'))
  await bench.start()
  bench.missing.clear()
  await until(() => bench.patch === 100)
})

test('a picture that still comes is waited for with the reason, and nobody is told to ignore its patch', async () => {
  bench = new Bench(1)
  bench.missing.set('/api/patch/100.jpg', refusal(503, 'a.svs is not here yet.'))
  await bench.start()
  assert.equal(bench.blank.at(-1), 'a.svs is not here yet.')
  bench.missing.clear()
  await until(() => bench.patch === 100)
})

test('how many are labelled is asked once the last label is saved: the lab may else count without it', async () => {
  bench = new Bench(1)
  await bench.start()
  bench.progress = { labelled: 0, patches: 1, resume_at: 0, times_ms: [] }
  const saved = () => { bench.outbox.size = 0; bench.progress = { labelled: 1, patches: 1, resume_at: 1, times_ms: [] } }
  bench.outbox.flush = async () => saved()
  const { get } = bench.api
  bench.api.get = async (path) => {
    const told = await get(path)
    saved() // while the answer is on its way
    return told
  }
  bench.outbox.size = 1
  bench.press('0', '0', '0')
  await until(() => bench.finished === 1)
  assert.deepEqual([bench.reading.done, bench.reading.turned], [1, false])
})

test('at the end the reader is taken back, once, to what they passed over', async () => {
  bench = new Bench(2)
  bench.progress = { labelled: 1, patches: 2, resume_at: 0, times_ms: [] }
  await bench.start()
  bench.press('next')
  await until(() => bench.patch === 101)
  bench.press('0', '0', '0')
  await until(() => bench.patch === 100)
  assert.equal(bench.finished, 0)
  bench.press('next')
  await until(() => bench.patch === 101)
  bench.press('next')
  await until(() => bench.finished === 1)
})

test('keys that were held when a new script took over are taken on their patch, and dropped with words on another', async () => {
  const held = [{ name: '1', pressed: 0 }]
  bench = new Bench(2, { left: { held: [...held], patch: 100 } })
  await bench.start()
  assert.deepEqual(bench.reading.draft.grades, { ballooning: 1 })
  bench.reading.close()
  freshPage()
  bench = new Bench(2, { left: { held: [...held], patch: 101 } })
  await bench.start()
  assert.ok(bench.reading.draft.empty)
  assert.match(bench.reading.notice, /keys pressed last were not taken/)
})

test('closing hands over the keys that wait and the patch they are for', async () => {
  bench = new Bench(3)
  await bench.start()
  bench.answers.push(promised().promise)
  bench.press('0', '0', '0', '2')
  const left = bench.reading.close()
  assert.deepEqual([left.patch, left.held.map(({ name }) => name)], [101, ['2']])
})

test('up and down choose the task, and before the first patch there is nothing', async () => {
  bench = new Bench(2)
  await bench.start()
  bench.press('up')
  assert.equal(bench.reading.draft.step, 'steatosis')
  bench.press('down', 'down')
  assert.equal(bench.reading.draft.step, 'inflammation')
  bench.press('previous')
  assert.equal(bench.reading.notice, 'This is the first patch that is loaded.')
})

test('after a reload the last patches are those that have a label, with their pictures', async () => {
  const own = { key: 'k', grades: { steatosis: 1 }, ignored: false, flagged: false, labelled: true }
  bench = new Bench(6, { 0: { own }, 1: { own: { ...own, labelled: false } }, 2: { own }, 4: { own } })
  await bench.start(3)
  await until(() => bench.reading.strip.every(({ picture }) => picture))
  assert.deepEqual(bench.reading.strip.map(({ item }) => item.patch_id), [100, 102])
})

test('a refused late label is marked on its patch, which then carries what the lab has, and can be given anew', async () => {
  bench = new Bench(3)
  await bench.start()
  bench.press('1', '1', '1')
  await until(() => bench.patch === 101)
  const [late] = bench.sent
  const other = { key: 'other tab', grades: { ballooning: 2, inflammation: 2, steatosis: 2 }, ignored: false, flagged: false, labelled: true }
  bench.items[0] = { ...bench.items[0], own: other }
  await bench.reading.refused(late, 'You gave this patch another label in the meantime.')
  const item = bench.reading.queue.items[0]
  assert.deepEqual([item.refused, item.own, bench.reading.done], ['You gave this patch another label in the meantime.', other, 1])
  bench.press('previous')
  await until(() => bench.patch === 100)
  bench.press('0', '0', '0')
  assert.deepEqual([bench.sent[1].based_on, item.refused], ['other tab', null])
})
