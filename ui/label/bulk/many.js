// Points from the lab, the plane they lie on, the grid of those chosen, and the one act given to all.

import { Api } from '../canvas/api.js'
import { partsOf } from '../canvas/dom.js'
import { number, patches } from '../canvas/counts.js'
import { Messages } from '../canvas/messages.js'
import { luminance } from './colours.js'
import { AT_ONCE, Grid } from './grid.js'
import { Plane } from './plane.js'
import { IGNORED, NO_GRADE, Points } from './points.js'
import { keepAsking } from './retry.js'
import { givenWords, kindName, savedWords, withGrade } from './words.js'

const MOST = 20000
const MOST_BEHIND = 24 // slides: of more, each is too small to be seen behind its patches, and all fill the memory

export class Many {
  constructor(root, data) {
    this.kindFills = data.kind_fills
    this.fatFills = data.fat_fills
    this.root = root
    this.session = data.session
    this.tasks = data.tasks
    this.part = partsOf(root)
    this.api = new Api(() => {})
    this.messages = new Messages(root)
    this.plane = new Plane(this.part.plane, data)
    this.grid = new Grid(this.part.grid, this.api)
    this.points = null
    this.stamp = null
    this.given = {} // task -> grade; or { ignored: true }
    this.busy = false
    this.last = null
    this.plane.onbegin = () => this.grid.stop()
    this.plane.oncancel = () => this.points && this.chose()
    this.plane.onlasso = (line, more, pressed) => this.lassoed(line, more, pressed)
    this.grid.onchange = () => this.state()
    this.grid.ontoggle = (n) => { this.points.toggle(n); this.plane.draw(); this.state() }
    this.gradeButtons()
    this.listen()
  }

  close() { this.closed = true; this.plane.close(); this.messages.close(); this.grid.stop(); window.removeEventListener('keydown', this.down) }

  shades(data) {
    const style = getComputedStyle(this.root)
    const accent = style.getPropertyValue('--st-primary-color').trim() || '#0f766e'
    const dark = luminance(style.getPropertyValue('--st-background-color').trim() || '#ffffff') < 0.4
    Object.assign(this.part.plane.dataset, { line: accent, bare: dark ? '#6b7278' : '#a9b0b6', ignored: dark ? '#3c4347' : '#5b6166' })
    if (this.points) this.plane.draw()
  }

  async begin(stamp) {
    if (this.stamp === stamp) return
    this.stamp = stamp
    await this.load()
  }

  async load() {
    try {
      const answer = await this.api.ask('/api/bulk/patches')
      this.points = new Points(await answer.arrayBuffer())
    } catch (problem) {
      this.say(problem.status ? problem.message : 'The lab does not answer; trying again.')
      if (problem.status !== 400 && problem.status !== 403) setTimeout(() => this.load(), 1500)
      return
    }
    this.plane.points = this.points
    this.plane.clusters = this.points.clusters()
    this.pictures()
    this.last = this.points.head.last
    if (!this.points.head.method) this.plane.which = 'slides'
    else if (this.fresh === undefined) this.plane.which = 'map'
    this.fresh = false
    this.say(this.points.n ? '' : this.points.head.queued ? 'All patches are in your queue, to be read one by one. A session of fewer patches leaves the others for this page.' : 'There is no usable patch here yet.')
    this.root.dataset.patches = this.points.n
    this.choices()
    this.chose()
  }

  // What the plane shows beside the dots: slides behind their patches, and of each kind of tissue the patch in its middle.
  async pictures() {
    const { plane, points } = this
    const behind = points.head.slides.length > MOST_BEHIND ? [] : points.head.slides
    const wanted = behind.map(({ id }) => ['slides', id, `/api/slide/${id}.jpg`])
    for (const { nearest } of plane.clusters) wanted.push(['patches', points.id[nearest], `/api/patch/${points.id[nearest]}.jpg`])
    for (const [kind, id, path] of wanted) {
      if (plane.pictures[kind].has(id)) continue
      const picture = await this.api.picture(path).catch(() => null) // the dots alone then
      if (this.closed || this.points !== points) return picture?.close()
      if (!picture) continue
      plane.pictures[kind].set(id, picture)
      if (kind === 'patches' || plane.pictures.slides.size === 1) plane.draw()
      else plane.slidesBehind()
    }
  }

  say(words) { this.part.message.textContent = words; this.part.message.hidden = !words }
  note(words, bad = false) { this.part.notice.textContent = words; this.part.notice.classList.toggle('bad', bad) }

  // What can be coloured, and what can be chosen without a lasso.
  choices() {
    const { points, part } = this
    const colours = [['fat', 'measured fat']]
    if (points.head.method) colours.push(['kind', 'kind of tissue'])
    colours.push(...this.tasks.map((task, n) => [`grades ${n}`, `my grades: ${task.title.toLowerCase()}`]))
    fill(part.colour, colours, part.colour.value || 'fat')
    const picks = [['', 'by lasso'], ['open', 'all without my grade']]
    for (const cluster of this.plane.clusters) picks.push([`kind ${cluster.kind}`, `${kindName(cluster)} (${number(cluster.count)})`])
    points.head.slides.forEach((slide, n) => picks.push([`slide ${n}`, `slide ${slide.name}`]))
    fill(part.pick, picks, '')
    this.recolour()
  }

  recolour() {
    const [colour, task] = (this.part.colour.value || 'fat').split(' ')
    this.plane.colour = colour
    this.plane.task = Number(task ?? this.plane.task)
    const legend = {
      grades: () => [...this.tasks[this.plane.task].grades.map((grade) => [grade.fill, grade.value]), ['var(--bare)', 'none'], ['var(--gone)', 'ignored']],
      kind: () => this.plane.clusters.map((cluster) => [this.kindFills[cluster.kind % this.kindFills.length], kindName(cluster)]),
      fat: () => this.fatFills.map((shade, n) => [shade, ['below 2 %', '2 to 10 %', '10 to 25 %', '25 % and more'][n]]),
    }[colour]()
    this.part.legend.replaceChildren(...legend.map(([shade, words]) => {
      const entry = document.createElement('span')
      const dot = document.createElement('i')
      dot.style.background = shade
      entry.append(dot, String(words))
      return entry
    }))
    this.root.style.setProperty('--bare', this.part.plane.dataset.bare)
    this.root.style.setProperty('--gone', this.part.plane.dataset.ignored)
    for (const button of this.root.querySelectorAll('[data-plane]')) {
      button.setAttribute('aria-pressed', String(button.dataset.plane === this.plane.which))
      button.disabled = button.dataset.plane === 'map' && !this.points?.head.method
      if (button.dataset.plane === 'map') button.title = this.points?.head.method ?? 'The tissue map was not made yet'
    }
    this.plane.draw()
  }

  lassoed(line, more, pressed) {
    if (!line) { if (!more) this.points.choose(() => false) } else this.points.lasso(this.plane.which, line, more)
    this.part.pick.value = ''
    this.part.count.textContent = patches(this.points.count)
    requestAnimationFrame(() => setTimeout(() => {
      const detail = { ms: performance.now() - pressed, count: this.points.count }
      window.dispatchEvent(new CustomEvent('mmdnet:lassoed', { detail }))
      this.chose()
    }))
  }

  // Another choice of patches: redraw, and show pictures of some.
  chose() {
    this.plane.draw()
    this.grid.show(this.points, this.points.drawn())
    this.note('')
    this.state()
  }

  gradeButtons() {
    const rows = this.tasks.map((task) => {
      const row = document.createElement('div')
      row.className = 'task'
      row.append(Object.assign(document.createElement('span'), { textContent: task.title }))
      for (const grade of task.grades) {
        const button = Object.assign(document.createElement('button'), { type: 'button', textContent: grade.value, title: grade.patch })
        Object.assign(button.dataset, { task: task.name, grade: grade.value })
        button.style.setProperty('--fill', grade.fill)
        button.style.setProperty('--ink', grade.ink)
        button.setAttribute('aria-label', `${task.title} ${grade.value}: ${grade.patch}`)
        row.append(button)
      }
      return row
    })
    const ignore = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Ignore', className: 'wide' })
    ignore.dataset.ignore = '1'
    const last = document.createElement('div')
    last.className = 'task'
    last.append(document.createElement('span'), ignore)
    this.part.grades.replaceChildren(...rows, last)
  }

  listen() {
    this.root.onclick = (event) => {
      const button = event.composedPath().find((el) => el instanceof HTMLButtonElement)
      if (!button || button.disabled) return
      const { task, grade, ignore, plane } = button.dataset
      if (task) this.given = withGrade(this.given, task, Number(grade))
      else if (ignore) this.given = this.given.ignored ? {} : { ignored: true }
      else if (plane) { this.plane.which = plane; this.plane.whole(); this.recolour() }
      else if (button === this.part.give) this.give()
      else if (button === this.part.undo) this.undo()
      else if (button === this.part.more) this.grid.more()
      this.state()
    }
    this.part.colour.onchange = () => this.recolour()
    this.part.pick.onchange = () => {
      const [what, n] = this.part.pick.value.split(' ')
      const { points } = this
      const wanted = { open: (k) => !points.labelled(k), kind: (k) => points.kind[k] === Number(n), slide: (k) => points.slide[k] === Number(n) }[what]
      points.choose(wanted ?? (() => false))
      this.chose()
    }
    this.down = (event) => { if (event.key === 'Escape' && this.points?.count) { this.points.choose(() => false); this.part.pick.value = ''; this.chose() } }
    window.addEventListener('keydown', this.down)
  }

  state() {
    const { points, part, grid } = this
    if (!points) return
    const words = givenWords(this.given, this.tasks)
    const looked = grid.shown === 0 ? false : grid.painted >= Math.min(grid.shown, AT_ONCE)
    const mine = points.graded
    part.count.textContent = patches(points.count)
    part.of.textContent = points.count ? `of ${number(points.n)}${mine ? ` · ${number(mine)} graded` : ''}` : `of ${number(points.n)}`
    part.give.textContent = words && points.count ? `${words} ${patches(points.count)}` : 'Choose, look, grade'
    part.give.disabled = this.busy || !words || !points.count || !looked || points.count > MOST
    if (points.count > MOST) this.note(`At most ${number(MOST)} patches are labelled at once. Choose fewer.`, true)
    part.undo.disabled = this.busy || !this.last
    part.undo.textContent = this.last ? `Undo the last (${patches(this.last.patches)})` : 'Undo'
    part.shown.textContent = points.count ? `${number(grid.shown)} of ${number(grid.order.length)} shown, drawn at random; click one to leave it out` : 'Pictures of the patches you choose appear here.'
    part.more.hidden = !points.count || grid.rest <= 0
    for (const button of part.grades.querySelectorAll('button')) {
      const { task, grade, ignore } = button.dataset
      button.setAttribute('aria-pressed', String(ignore ? Boolean(this.given.ignored) : this.given[task] === Number(grade)))
    }
    this.root.dataset.count = points.count
    this.root.dataset.busy = Number(this.busy || (points.count > 0 && !looked))
  }

  async give() {
    const { points } = this
    const { ignored, ...grades } = this.given
    const members = points.members()
    const key = `many-${[...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
    const shown = { plane: this.plane.which, pictures: this.grid.painted }
    const body = { key, patches: Array.from(members, (n) => points.id[n]), grades, ignored: Boolean(ignored), shown }
    await this.ask('/api/bulk/give', body, (answer) => {
      for (const n of members) {
        this.tasks.forEach((task, k) => {
          if (ignored) points.grades[3 * n + k] = IGNORED
          else if (task.name in grades) points.grades[3 * n + k] = grades[task.name]
          else if (points.grades[3 * n + k] === IGNORED) points.grades[3 * n + k] = NO_GRADE
        })
      }
      const words = givenWords(this.given, this.tasks)
      this.last = { key, patches: answer.given }
      points.choose(() => false)
      this.part.pick.value = ''
      this.chose()
      this.note(savedWords(words, answer.given))
    })
  }

  async undo() {
    const { key } = this.last
    await this.ask('/api/bulk/undo', { key: `undo-${key}`.slice(0, 64), undoes: key }, async (answer) => {
      await this.load()
      this.note(`Taken back: ${patches(answer.undone)} are as they were before.`)
    })
  }

  // One request at a time; a lab that does not answer is asked again with the same key, so nothing is done twice.
  async ask(path, body, done) {
    this.busy = true
    this.state()
    try {
      await done(await keepAsking(() => this.api.post(path, body), () => this.note('Not saved yet: the lab does not answer; trying again.', true)))
    } catch (problem) { this.note(problem.message, true) }
    this.busy = false
    this.state()
  }
}

function fill(select, options, value) {
  select.replaceChildren(...options.map(([key, words]) => Object.assign(document.createElement('option'), { value: key, textContent: words })))
  select.value = options.some(([key]) => key === value) ? value : options[0][0]
}
