// Reading: what keys and clicks do. An act is bound to the patch that was on the screen when its key was pressed, and is kept
// in this browser before anything else happens. The next patch shows when the lab has the act in its database, or after
// PATIENCE ms: a lab busy with ten readers and a training holds up nobody. Acts wait in the outbox and the screen says so.

import { Showing } from './showing.js'

const PATIENCE = 20
const MOST_HELD = 60
const STRIP = 8 // of the last patches
const REFUSAL_STAYS_MS = 10000 // the reader may be patches further by then

export class Reading extends Showing {
  constructor({ api, outbox, queue, pictures, tasks, session, view, stage, looks, atlas, done, patches, times, left }) {
    super()
    Object.assign(this, { api, outbox, queue, pictures, tasks, session, view, stage, looks, atlas, done, patches, times })
    this.at = 0
    this.painted = null // patch id on the screen; null while none is
    this.held = left?.held ?? [] // keys that came before their patch was painted
    this.meant = left?.patch ?? null // the patch those are for, as long as the queue is not known again
    this.closed = false
    this.turned = false // whether the reader was led back to what they passed over
    this.acts = [] // this tab's acts that stand, for undo: { key, patch }
    this.strip = []
    this.notice = ''
    this.refusedUntil = 0
    this.broken = null // the item whose picture cannot be made
    this.seen = new Set() // what else the reader looked at while this patch was on the screen
  }

  get item() { return this.queue.items[this.at] }
  get suggestion() { return this.item && !this.item.own?.labelled ? this.item.suggestion?.grades ?? null : null }

  async start(position) {
    this.at = await this.queue.open(position)
    this.acts = []
    const before = this.queue.items.slice(0, this.at).filter((item) => item.own?.labelled)
    this.strip = before.slice(-STRIP).map((item) => ({ item, picture: null }))
    const lost = this.held.length > 0 && this.meant !== this.item?.patch_id
    if (lost) this.held = []
    this.meant = null
    await this.show()
    if (lost) this.say('Another patch is due now: the keys pressed last were not taken.')
    this.fillStrip()
  }

  // After a reload the last patches are those of the queue that have a label; their pictures come once the patch is there.
  async fillStrip() {
    for (const shown of this.strip.filter(({ picture }) => !picture)) {
      const picture = await this.pictures.get(this.patchPath(shown.item)).catch(() => null)
      if (this.closed) return
      if (!picture) continue
      Object.assign(shown, { picture, el: undefined })
      this.view.state(this)
    }
  }

  // Do and show nothing any more; what the reader pressed and is not taken yet, for whoever comes after.
  close() {
    this.closed = true
    const due = this.queue.items[this.at + (this.sending ? 1 : 0)]
    return { held: this.held, patch: due?.patch_id ?? this.meant }
  }

  release() {
    const [first, ...rest] = this.held
    this.held = rest
    this.key(first.name, first.pressed, true)
    if (this.held.length && this.painted !== null) this.release()
  }

  async reachedEnd() {
    if (!this.queue.ended) {
      await this.queue.refill(this.at)
      if (this.item) return this.show()
      if (!this.queue.ended) { // the lab is away: what comes next is not known, and keys wait
        this.view.blank(this, 'The lab does not answer; trying again.')
        return setTimeout(() => this.painted === null && this.show(), 500)
      }
    }
    await this.outbox.flush().catch(() => {}) // what is still on its way the lab would not count
    const progress = await this.api.get('/api/label/progress').catch(() => null)
    if (this.item) return undefined // an undo went back meanwhile
    if (progress && this.outbox.size === 0) {
      this.done = progress.labelled
      this.patches = progress.patches
      if (progress.resume_at < progress.patches && progress.labelled < progress.patches && !this.turned) {
        this.turned = true // once
        this.at = await this.queue.open(progress.resume_at)
        return this.show()
      }
    }
    this.held = []
    this.draft = null
    return this.view.finished(this)
  }

  // One key by what it does: '0'-'3', unknown, ignore, accept, undo, flag, next, previous, up, down, enter.
  key(name, pressed, early = false) {
    const waiting = this.item ?? this.meant
    if (this.painted === null && waiting !== null && !(this.broken === this.item && ['ignore', 'next', 'previous'].includes(name))) {
      if (this.held.length < MOST_HELD) this.held.push({ name, pressed })
      else this.say('Wait until the next patch shows; this key was not taken.')
      return
    }
    this.notice = this.standing
    this.early = early
    if (/^\d$/.test(name)) this.digit(Number(name), pressed)
    else this[name]?.(pressed)
    if (this.painted !== null || !this.sending) this.view.state(this)
  }

  say(words) {
    this.notice = words
    this.view.state(this)
  }

  digit(grade, pressed) {
    if (!this.item) return
    const highest = this.view.highest(this.draft.step)
    if (grade > highest) this.say(`${this.view.title(this.draft.step)} has grades 0 to ${highest}.`)
    else this.give(this.draft.step, grade, pressed)
  }

  unknown(pressed) { if (this.item) this.give(this.draft.step, null, pressed) }

  give(task, grade, pressed) {
    this.draft.give(task, grade)
    if (this.draft.open.length === 0) this.commit('grade', pressed)
  }

  // A click on a grade: on a labelled patch it changes that one grade and stays.
  click(task, grade, pressed) {
    if (this.painted === null) return
    this.notice = this.standing
    const own = this.item.own
    if (own?.labelled && !own.ignored && this.draft.empty) {
      this.act('grade', { grades: { ...own.grades, [task]: grade }, pressed })
      this.say('Changed.')
    } else this.give(task, grade, pressed)
    this.view.state(this)
  }

  enter(pressed) { if (this.item && !this.draft.empty) this.commit('grade', pressed) }
  ignore(pressed) { if (this.item) this.commit('ignore', pressed) }

  // The suggested grades for what is not given yet.
  accept(pressed) {
    if (!this.suggestion) return this.say('There is no suggestion for this patch.')
    const open = this.draft.open.filter((task) => task in this.suggestion)
    if (!open.length) return undefined
    this.accepted = open
    for (const task of open) this.draft.give(task, this.suggestion[task])
    if (this.draft.open.length === 0) this.commit('grade', pressed)
    return undefined
  }

  flag(pressed) {
    if (!this.item) return
    const own = this.item.own
    const state = own?.labelled ? { grades: own.grades, ignored: own.ignored } : {}
    this.act('flag', { ...state, flagged: !own?.flagged, pressed })
  }

  up() { this.step(-1) }
  down() { this.step(1) }
  step(by) {
    if (!this.item) return
    const at = this.tasks.indexOf(this.draft.step)
    this.draft.step = this.tasks[(at + by + this.tasks.length) % this.tasks.length]
  }

  next(pressed) { if (this.item) { this.at += 1; this.show(pressed) } }
  previous(pressed) {
    if (this.at === 0) return this.say('This is the first patch that is loaded.')
    this.at -= 1
    return this.show(pressed)
  }

  goTo(patch) {
    const at = this.queue.find(patch)
    if (at >= 0) { this.at = at; this.show() }
  }

  // Finish this patch and go on: at once into the outbox, on when the lab has it or takes its time.
  async commit(act, pressed) {
    const item = this.item
    const grades = act === 'grade' ? { ...this.draft.grades } : {}
    this.accepted = this.accepted.filter((task) => grades[task] === this.suggestion?.[task])
    this.painted = null
    this.sending = true
    const saved = this.act(act, { grades, ignored: act === 'ignore', flagged: item.own?.flagged ?? false, pressed })
    this.draft.drop()
    this.strip = [...this.strip.filter((shown) => shown.item !== item), { item, picture: this.picture }].slice(-STRIP)
    await saved
    this.sending = false
    if (item !== this.item) return
    this.at += 1
    this.show(pressed)
  }

  // What the reader saw when this act was made, for the log.
  shown() {
    const shown = { view: this.aroundShown ? 'context' : 'patch' }
    if (this.early) shown.typed_ahead = true
    if (!this.looks.neutral) shown.look = this.looks.facts
    if (this.atlas.open) this.seen.add('atlas')
    if (this.seen.size) shown.seen = [...this.seen]
    if (this.suggestion) Object.assign(shown, { suggestion: this.item.suggestion, accepted: this.accepted })
    return shown
  }

  act(act, { grades = {}, ignored = false, flagged = false, pressed }) {
    const item = this.item
    const key = crypto.randomUUID()
    const took = Math.max(0, Math.round(pressed - this.paintedAt))
    const before = item.own
    const sent = { key, act, patch_id: item.patch_id, grades, ignored, flagged, shown: this.shown(), based_on: before?.key ?? null }
    if (act === 'grade' || act === 'ignore') {
      sent.took_ms = took
      this.times = [took, ...this.times].slice(0, 50)
    }
    const labelled = act !== 'flag' || (before?.labelled ?? false)
    if (labelled && !before?.labelled) this.done += 1
    item.own = { key, grades, ignored, flagged, labelled }
    item.refused = null
    this.acts.push({ key, patch: item.patch_id, before })
    return this.outbox.put(sent, PATIENCE)
  }

  // Backspace: the last grade of an unfinished patch, else the last act, and back to its patch.
  async undo(pressed) {
    if (this.draft && !this.draft.empty) return this.draft.takeBack()
    const last = this.acts.pop()
    const key = crypto.randomUUID()
    const sent = { act: 'undo', key, undoes: last?.key ?? null }
    if (!last) return this.undoEarlier(sent)
    const item = this.queue.items[this.queue.find(last.patch)]
    const before = last.before ?? { grades: {}, ignored: false, flagged: false, labelled: false }
    if (item.own.labelled && !before.labelled) this.done -= 1
    item.own = { ...before, key }
    this.strip = this.strip.filter((shown) => shown.item !== item || before.labelled)
    this.at = this.queue.items.indexOf(item)
    this.outbox.put(sent)
    this.show(pressed)
    return this.say('Undone.')
  }

  // What was done before this tab was opened only the lab knows: it says which patch it was on.
  undoEarlier(sent) {
    this.painted = null
    this.outbox.watch(sent.key, async (result) => {
      if (!result) {
        if (this.painted === null) this.show()
        return this.say('The lab does not answer; the undo follows when it does.')
      }
      const patch = result.patches?.[0]
      const progress = await this.api.get('/api/label/progress').catch(() => null)
      if (progress) this.done = progress.labelled
      if (patch === undefined) { this.say('There is nothing left to undo.'); return this.show() }
      const known = this.queue.find(patch)
      this.at = await this.queue.open(known >= 0 ? this.queue.items[known].position : progress?.resume_at ?? 0)
      this.say('Undone.')
      return this.show()
    })
    this.outbox.put(sent)
  }

  // What stays in the notice whatever is pressed: a refusal, for a while.
  get standing() { return performance.now() < this.refusedUntil ? this.refusal : '' }

  // The lab did not take an act: said, marked on its patch, and what the patch carries instead is asked for, so that the
  // next key pressed on it is no late one again.
  async refused(act, problem) {
    this.refusal = `${act.patch_id === this.painted ? 'Not' : 'An earlier patch was not'} taken: ${problem}`
    this.refusedUntil = performance.now() + REFUSAL_STAYS_MS
    this.acts = this.acts.filter(({ key }) => key !== act.key)
    const item = this.queue.items[this.queue.find(act.patch_id)]
    if (item?.own?.key === act.key) {
      if (act.act !== 'flag' && item.own.labelled) this.done -= 1
      Object.assign(item, { own: null, refused: problem })
    }
    this.say(this.refusal)
    if (!item?.refused) return
    const answer = await this.api.get(`/api/label/queue?offset=${item.position}&limit=1`).catch(() => null)
    const [stands] = answer?.items ?? []
    if (stands?.patch_id !== item.patch_id || item.own) return
    item.own = stands.own
    if (item.own?.labelled) this.done += 1
    this.view.state(this)
  }
}
