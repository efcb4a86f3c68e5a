// The atlas: what each grade of the task at hand means, with exemplars the readers of this project agree on.

import { make } from './dom.js'

export class Atlas {
  constructor(part, api, pictures, tasks) {
    Object.assign(this, { part, api, pictures, tasks })
    this.open = false
    this.exemplars = null // task -> grade -> { patches, missing }
    this.drawn = null
  }

  toggle(root, task) {
    this.open = !this.open
    root.classList.toggle('guiding', this.open)
    if (this.open) this.load(task)
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
    this.drawn = null
    this.show(task)
  }

  // Draw the task's page of the atlas; nothing is done if it is there already.
  show(name) {
    const task = this.tasks.find(({ name: other }) => other === name) ?? this.tasks[0]
    if (!this.open || this.drawn === task.name) return
    this.drawn = task.name
    const title = make('h4', '', task.title)
    title.append(make('span', 'turn', 'Page ↓ ↑ turns'))
    this.part.atlas.replaceChildren(title, ...task.grades.map((grade) => this.row(task, grade)))
    if (this.problem) this.part.atlas.append(make('p', 'missing', this.problem))
  }

  row(task, grade) {
    const row = make('section', 'grade-row')
    const digit = make('span', 'digit', String(grade.value))
    digit.style.background = grade.fill
    digit.style.color = grade.ink
    const words = make('div', 'meaning')
    words.append(digit, make('b', '', grade.patch), make('span', 'slide', `whole slide (Kleiner): ${grade.slide}`))
    const shown = make('div', 'exemplars')
    const known = this.exemplars?.[task.name]?.[grade.value]
    for (const patch of known?.patches ?? []) shown.append(this.exemplar(patch, task, grade))
    if (known?.missing) shown.append(make('span', 'missing', missingWords(known)))
    row.append(words, shown)
    return row
  }

  exemplar(patch, task, grade) {
    const canvas = make('canvas', 'exemplar')
    canvas.width = canvas.height = 150
    canvas.setAttribute('role', 'img')
    canvas.setAttribute('aria-label', `Exemplar of ${task.title} ${grade.value}`)
    this.pictures.get(`/api/patch/${patch}.jpg`).then((picture) => {
      canvas.getContext('2d', { alpha: false }).drawImage(picture, 0, 0, 150, 150)
    }, () => canvas.replaceWith(make('span', 'missing', 'cannot be shown')))
    return canvas
  }
}

export function missingWords({ patches, missing }) {
  if (patches.length) return `${missing} more needed`
  return `No exemplar yet: ${missing} agreed patches of this grade are needed.`
}
