// The atlas: what each grade of the task at hand means, with exemplars the readers of this project agree on, and drawn ones
// until there are enough. It opens over the slide's place; where the window is wide enough, it fills a column of its own and
// is open from the start, until the reader closes it in this tab.

import { make, toggle } from './dom.js'

const CLOSED = 'mmdnet:atlas-closed'
const COLUMN_PX = 280 // room that is free beside picture and grades, from which the atlas has a column
const GRADES_PX = 320 // what the column of grades takes beside the atlas, in canvas.css
const GAP_PX = 18

export class Atlas {
  constructor(part, api, pictures, tasks) {
    Object.assign(this, { part, api, pictures, tasks })
    this.open = false
    this.exemplars = null // task -> grade -> { patches, missing }
    this.shown = null
    this.pages = new Map() // task -> elements
    this.afterDrawn = Promise.resolve() // drawn ones are asked for one by one: the patches to grade come first
  }

  toggle(root, task) {
    if (root.classList.contains('wide')) sessionStorage.setItem(CLOSED, this.open ? '1' : '')
    this.turnOpen(root, task, !this.open)
  }

  turnOpen(root, task, open) {
    this.open = open
    root.classList.toggle('guiding', open)
    if (open) this.load(task)
  }

  // Take the column that is free, or go back over the slide's place. Until a patch is shown there is no task to open at.
  fit(root, left, right) {
    const wide = hasColumn(root.clientWidth, left.clientWidth)
    if (wide !== root.classList.contains('wide')) {
      toggle(root, 'wide', wide)
      if (wide) root.append(this.part.atlas)
      else right.querySelector('.place').before(this.part.atlas)
      if (!wide && this.open) this.turnOpen(root, root.dataset.step, false)
    }
    if (wide && !this.open && root.dataset.step && !sessionStorage.getItem(CLOSED)) this.turnOpen(root, root.dataset.step, true)
  }

  // Page Down and Page Up turn it, while it is open and longer than its place; whether the key was one of them.
  turn(key) {
    const way = { PageDown: 1, PageUp: -1 }[key]
    if (!this.open || !way) return false
    this.part.atlas.scrollBy({ top: 0.8 * way * this.part.atlas.clientHeight })
    return true
  }

  async load(task) {
    this.show(task)
    try {
      this.exemplars = await this.api.get('/api/label/atlas')
      this.problem = ''
    } catch (problem) {
      this.problem = problem.status ? problem.message : 'The lab does not answer, so there are no exemplars now.'
    }
    this.pages.clear()
    this.shown = null
    this.show(task)
  }

  // Show the task's page of the atlas; nothing is done if it is there already, and each is made once.
  show(name) {
    const task = this.tasks.find(({ name: other }) => other === name) ?? this.tasks[0]
    if (!this.open || this.shown === task.name) return
    this.shown = task.name
    if (!this.pages.has(task.name)) this.pages.set(task.name, this.page(task))
    this.part.atlas.replaceChildren(...this.pages.get(task.name))
  }

  page(task) {
    const title = make('h4', '', task.title)
    title.append(make('span', 'turn', 'Page ↓ ↑ turns'))
    const page = [title, ...task.grades.map((grade) => this.row(task, grade))]
    if (this.hasDrawn(task)) page.push(make('p', 'missing', DRAWN_WORDS))
    if (this.problem) page.push(make('p', 'missing', this.problem))
    else if (!this.exemplars) page.push(make('p', 'missing', 'Exemplars are coming.'))
    return page
  }

  hasDrawn(task) { return task.grades.some((grade) => this.exemplars?.[task.name]?.[grade.value]?.drawn) }

  row(task, grade) {
    const row = make('section', 'grade-row')
    const digit = make('span', 'digit', String(grade.value))
    digit.style.background = grade.fill
    digit.style.color = grade.ink
    const words = make('div', 'meaning')
    words.append(digit, make('b', '', grade.patch), make('span', 'slide', `whole slide (Kleiner): ${grade.slide}`))
    const shown = make('div', 'exemplars')
    const known = this.exemplars?.[task.name]?.[grade.value]
    for (const patch of known?.patches ?? []) {
      const path = `/api/patch/${patch}.jpg`
      shown.append(exemplar(this.pictures.get(path), `Exemplar of ${task.title} ${grade.value}`, ''))
    }
    for (let number = 0; number < (known?.drawn ?? 0); number += 1) {
      const path = `/api/label/atlas/${task.name}/${grade.value}/${number}.jpg`
      const picture = this.afterDrawn.then(() => this.pictures.get(path))
      this.afterDrawn = picture.catch(() => {})
      shown.append(exemplar(picture, `Drawn exemplar of ${task.title} ${grade.value}`, 'simulated'))
    }
    if (known?.missing && !known.drawn) shown.append(make('span', 'missing', missingWords(known)))
    row.append(words, shown)
    return row
  }
}

// A frame that says its picture is coming, and once it is there what it is marked as.
export function exemplar(loading, said, mark) {
  const figure = make('span', mark ? 'exemplar drawn coming' : 'exemplar coming')
  const words = make('i', '', 'coming')
  const canvas = make('canvas')
  canvas.width = canvas.height = 150
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', said)
  loading.then((picture) => {
    canvas.getContext('2d', { alpha: false }).drawImage(picture, 0, 0, 150, 150)
    toggle(figure, 'coming', false)
    words.textContent = mark
  }, () => figure.replaceChildren(make('span', 'missing', 'cannot be shown')))
  figure.append(canvas, words)
  return figure
}

const DRAWN_WORDS = 'Drawn ones are made by the simulator, not scanned: they stand in until readers of this project agree on '
  + 'patches of their own.'

// Whether there is room for a column beside the picture and the widest column of grades.
export function hasColumn(rootPx, leftPx) { return rootPx - leftPx - GRADES_PX - 2 * GAP_PX >= COLUMN_PX }

export function missingWords({ patches, missing }) {
  if (patches.length) return `${missing} more needed`
  return `No exemplar yet: ${missing} agreed patches of this grade are needed.`
}
