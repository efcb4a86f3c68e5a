// What is seen: the grades with their colours, the last patches, where on the slide, what is saved. Only what differs is
// written, so that a key costs the browser no more than what it changes.

import { number, patches } from './counts.js'
import { attribute, make, partsOf, toggle, write } from './dom.js'

const SAVING_SHOWS_MS = 150 // a label is usually saved before anyone could read that it is not

export class View {
  constructor(root, data, stage, looks) {
    Object.assign(this, { root, stage, looks, tasks: data.tasks })
    this.part = partsOf(root)
    this.slideAt = null
    this.rows = this.buildGrades()
  }

  highest(name) { return this.tasks.find((task) => task.name === name).grades.length - 1 }
  title(name) { return this.tasks.find((task) => task.name === name).title }

  buildGrades() {
    const rows = this.tasks.map((task) => {
      const row = make('div', 'task')
      const head = make('div', 'head', task.title)
      const words = make('span', 'words')
      head.append(words)
      const buttons = make('div', 'buttons')
      const byGrade = new Map()
      for (const grade of task.grades) {
        const button = gradeButton(task, String(grade.value), String(grade.value), `${grade.value}: ${grade.patch}`)
        button.style.setProperty('--fill', grade.fill)
        button.style.setProperty('--ink', grade.ink)
        button.append(make('span', 'votes'))
        byGrade.set(grade.value, button)
      }
      byGrade.set(null, gradeButton(task, 'unknown', '?', 'unknown'))
      buttons.append(...byGrade.values())
      row.append(head, buttons)
      return { task, row, words, byGrade }
    })
    this.part.grades.replaceChildren(...rows.map(({ row }) => row))
    return rows
  }

  blank(reading, words = 'Loading the patch') {
    this.root.dataset.patch = ''
    this.stage.blank(words)
    this.state(reading)
  }

  // The patch and its empty grades, in one frame; the rest follows when it is on the screen.
  patch(reading, picture) {
    const { item } = reading
    this.root.dataset.patch = item.patch_id
    this.ended(false)
    this.stage.show(picture, item.stain, item.side_um)
    this.grades(reading)
  }

  async where({ item, pictures }) {
    const { overview, dot, slide } = this.part
    write(slide, item.stain ? `${item.slide_name} · ${item.stain}` : item.slide_name)
    slide.title = slide.textContent
    dot.style.left = `${100 * item.x_share}%`
    dot.style.top = `${100 * item.y_share}%`
    if (this.slideAt === item.slide_id) return
    this.slideAt = item.slide_id
    this.part.map.style.aspectRatio = String(item.aspect)
    this.part.map.style.width = `min(100%, calc(var(--map-height) * ${item.aspect}))`
    const picture = await pictures.get(`/api/slide/${item.slide_id}.jpg`).catch(() => null)
    if (!picture) this.slideAt = null
    if (!picture || this.slideAt !== item.slide_id) return
    overview.width = picture.width
    overview.height = picture.height
    overview.getContext('2d', { alpha: false }).drawImage(picture, 0, 0)
  }

  // Grades, step and what stands in the notice: what has to change with the patch.
  grades(reading) {
    const { item, draft } = reading
    const own = item?.own
    const given = gradesShown(draft, own)
    const step = item && draft ? draft.step : ''
    const hint = reading.suggestion
    if (this.root.dataset.step !== step) {
      this.root.dataset.step = step
      this.onstep?.(step)
    }
    for (const { task, row, words, byGrade } of this.rows) {
      const grade = task.name in given ? given[task.name] : undefined
      toggle(row, 'here', task.name === step)
      write(words, grade === undefined ? '' : grade === null ? 'unknown' : task.grades[grade].patch)
      for (const [value, button] of byGrade) {
        attribute(button, 'aria-pressed', String(grade === value))
        toggle(button, 'hinted', hint?.[task.name] === value && grade === undefined)
      }
    }
    attribute(this.part.ignore, 'aria-pressed', String(Boolean(own?.labelled && own.ignored)))
    attribute(this.part.flag, 'aria-pressed', String(Boolean(own?.flagged)))
    toggle(this.root, 'hinting', Boolean(hint))
    write(this.part.notice, reading.notice)
  }

  // Everything there is to see.
  state(reading) {
    const { item } = reading
    this.grades(reading)
    for (const { task, byGrade } of this.rows) {
      for (const [value, button] of byGrade) {
        const votes = item?.votes.filter((vote) => vote[task.name] === value).length ?? 0
        if (button.lastElementChild) write(button.lastElementChild, '●'.repeat(votes))
      }
    }
    if (this.root.dataset.done !== String(reading.done)) this.root.dataset.done = reading.done
    toggle(this.root, 'over', !item)
    write(this.part.look, this.looks.words)
    for (const [name, on] of [['haematoxylin', this.looks.stain === 'haematoxylin'], ['counterstain', this.looks.stain === 'counterstain']]) {
      attribute(this.part[name], 'aria-pressed', String(on))
    }
    if (item) this.where(reading)
    this.progress(reading)
    this.saved(reading)
    this.strip(reading)
  }

  progress({ done, patches, times }) {
    write(this.part.count, countWords(done, patches, times))
    this.part.done.style.width = `${patches ? (100 * done) / patches : 0}%`
  }

  saved({ outbox, done }) {
    const waiting = outbox.size
    this.given ||= waiting > 0 || done > 0
    const state = savedState(outbox, this.given)
    if (this.root.dataset.unsaved !== String(waiting)) this.root.dataset.unsaved = waiting
    clearTimeout(this.savedLater)
    if (state === 'saving') this.savedLater = setTimeout(() => this.saysSaved('saving', waiting), SAVING_SHOWS_MS)
    else this.saysSaved(state, waiting, outbox.trouble)
  }

  saysSaved(state, waiting, trouble) {
    const { saved } = this.part
    if (saved.dataset.state !== state) saved.dataset.state = state
    write(saved, savedWords(state, waiting, trouble))
  }

  strip(reading) {
    const wanted = reading.strip.map((shown) => (shown.el ??= this.last(reading, shown)))
    wanted.forEach((el, n) => this.lastGrades(el, reading.strip[n].item))
    wanted.reverse() // the newest first: where there is no room for all, the oldest are not seen
    const there = [...this.part.strip.children]
    if (there.length !== wanted.length || there.some((el, n) => el !== wanted[n])) this.part.strip.replaceChildren(...wanted)
    for (const el of wanted) toggle(el, 'now', el.dataset.patch === String(reading.item?.patch_id))
  }

  last(reading, { item, picture }) {
    const el = make('button', 'last')
    el.type = 'button'
    el.dataset.patch = item.patch_id
    const small = make('canvas')
    small.width = small.height = 96
    if (picture) small.getContext('2d', { alpha: false }).drawImage(picture, 0, 0, 96, 96)
    el.append(small, make('span', 'given'))
    el.onclick = () => reading.goTo(item.patch_id)
    return el
  }

  lastGrades(el, { own, refused }) {
    const text = JSON.stringify([own ?? null, refused ?? null])
    if (el.dataset.own === text) return
    el.dataset.own = text
    toggle(el, 'refused', Boolean(refused))
    el.title = refused ? `Not taken: ${refused}` : 'Go back to this patch'
    const parts = !own?.labelled ? [] : own.ignored ? [make('i', 'ignored')] : this.tasks.map((task) => {
      const grade = own.grades[task.name]
      if (grade === null || grade === undefined) return make('i', 'unknown', '?')
      const chip = make('i', '', String(grade))
      chip.style.background = task.grades[grade].fill
      chip.style.color = task.grades[grade].ink
      return chip
    })
    el.querySelector('.given').replaceChildren(...parts)
  }

  finished(reading) {
    const all = reading.done >= reading.patches
    const words = `${number(reading.done)} of ${patches(reading.patches)} labelled; the rest you passed over.`
    const again = reading.strip.length ? ' To change one of the last, choose it below.' : ''
    this.blank(reading, (all ? `All labelled: ${patches(reading.patches)}.` : words) + again)
    this.ended(true)
    this.onfinished?.()
  }

  // Where nothing is left to grade, the grades are out of use and no room is kept for a patch.
  ended(so) {
    toggle(this.root, 'ended', so)
    this.part.grades.inert = so
    for (const button of this.root.querySelectorAll('.acts button:not([data-key="undo"], [data-key="guide"])')) button.disabled = so
  }
}

function gradeButton(task, grade, text, words) {
  const button = make('button', grade === 'unknown' ? 'grade unknown' : 'grade', text)
  Object.assign(button.dataset, { task: task.name, grade })
  button.type = 'button'
  button.title = `${task.title} ${words}`
  button.setAttribute('aria-label', button.title)
  return button
}

// "12 of 60 · ~3 min": how far the session is, and how long the rest takes by the middle of the last times, once five are known.
export function countWords(done, patches, times) {
  const left = patches - done
  const middle = times.length >= 5 ? [...times].sort((a, b) => a - b)[times.length >> 1] : null
  const minutes = middle === null ? '' : ` · ~${Math.max(1, Math.round((left * middle) / 60000))} min`
  return `${done} of ${patches}${left > 0 ? minutes : ''}`
}

// Before a first label is `given` nothing is, and nothing says so.
export function savedState({ size, reachable }, given = true) {
  if (size === 0) return given ? 'saved' : 'none'
  return reachable ? 'saving' : 'away'
}

export function savedWords(state, waiting, trouble = '') {
  const why = trouble || 'the lab does not answer.'
  const kept = `${waiting} not saved yet: ${why} Kept in this browser; sent by itself.`
  return { none: '', saved: 'Saved', saving: 'Saving', away: kept }[state]
}

// What the grade buttons show as given: the unfinished draft, else the reader's own label.
export function gradesShown(draft, own) {
  if (draft && !draft.empty) return draft.grades
  return own?.labelled && !own.ignored ? own.grades : {}
}
