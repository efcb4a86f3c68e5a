// What is seen: the patch, the grades with their colours, the last patches, where on the slide, what is saved.

const SCALE_UM = [10, 20, 25, 50, 100, 200, 500]

class View {
  constructor(root, data) {
    this.root = root
    this.tasks = data.tasks
    this.keys = data.keys
    this.part = Object.fromEntries([...root.querySelectorAll('[data-part]')].map((el) => [el.dataset.part, el]))
    this.picture = null
    this.context = null
    this.slideAt = null
    this.buildGrades()
  }

  highest(name) { return this.tasks.find((task) => task.name === name).grades.length - 1 }
  title(name) { return this.tasks.find((task) => task.name === name).title }

  buildGrades() {
    this.part.grades.replaceChildren(...this.tasks.map((task) => {
      const row = make('div', 'task')
      row.dataset.task = task.name
      const head = make('div', 'head', task.title)
      const words = make('span', 'words')
      head.append(words)
      const buttons = make('div', 'buttons')
      for (const grade of task.grades) {
        const button = make('button', 'grade', String(grade.value))
        Object.assign(button.dataset, { task: task.name, grade: grade.value })
        button.type = 'button'
        button.title = `${task.title} ${grade.value}: ${grade.patch}`
        button.setAttribute('aria-label', button.title)
        button.style.setProperty('--fill', grade.fill)
        button.style.setProperty('--ink', grade.ink)
        button.append(make('span', 'votes'))
        buttons.append(button)
      }
      const unknown = make('button', 'grade unknown', '?')
      Object.assign(unknown.dataset, { task: task.name, grade: 'unknown' })
      unknown.type = 'button'
      unknown.title = `${task.title}: unknown`
      unknown.setAttribute('aria-label', unknown.title)
      buttons.append(unknown)
      const guide = make('ol', 'guide')
      guide.start = 0
      for (const grade of task.grades) {
        const line = make('li', '', '')
        line.append(make('b', '', grade.patch), make('span', 'slide', `slide: ${grade.slide}`))
        guide.append(line)
      }
      row.append(head, buttons, guide)
      return row
    }))
  }

  // Canvas of `box` CSS pixels a side, as sharp as the screen allows.
  paint(canvas, picture) {
    const side = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)) || 598
    if (canvas.width !== side) canvas.width = canvas.height = side
    const pen = canvas.getContext('2d', { alpha: false })
    pen.imageSmoothingQuality = 'high'
    pen.drawImage(picture, 0, 0, side, side)
    return pen
  }

  blank(reading) {
    this.root.dataset.patch = ''
    this.picture = null
    const { patch } = this.part
    patch.getContext('2d', { alpha: false }).fillRect(0, 0, patch.width, patch.height)
    this.part.message.textContent = 'Loading the patch'
    this.part.stage.classList.add('empty')
    this.state(reading)
  }

  unreadable(reading, problem) {
    this.blank(reading)
    this.part.message.textContent = `This patch cannot be shown: ${problem} Press I to ignore it.`
  }

  patch(reading, picture) {
    this.picture = picture
    this.part.stage.classList.remove('empty')
    this.root.dataset.patch = reading.item.patch_id
    this.paint(this.part.patch, picture)
    this.scale(reading.item.side_um)
    this.where(reading)
    this.state(reading)
  }

  repaint() { if (this.picture) this.paint(this.part.patch, this.picture) }

  showContext(reading, picture) {
    const times = 3
    const pen = this.paint(this.part.patch, picture)
    const side = pen.canvas.width
    pen.lineWidth = Math.max(2, side / 300)
    for (const [colour, dash] of [['#ffffff', []], ['#14181b', [side / 80, side / 80]]]) {
      pen.strokeStyle = colour
      pen.setLineDash(dash)
      pen.strokeRect((side * (times - 1)) / 2 / times, (side * (times - 1)) / 2 / times, side / times, side / times)
    }
    this.scale(reading.item.side_um * times)
  }

  scale(width_um) {
    const um = SCALE_UM.filter((one) => one <= width_um / 2.4).at(-1) ?? SCALE_UM[0]
    this.part.bar.style.width = `${(100 * um) / width_um}%`
    this.part.um.textContent = `${um} µm`
  }

  async where({ item, pictures }) {
    const { overview, dot, slide } = this.part
    slide.textContent = item.stain ? `${item.slide_name} · ${item.stain}` : item.slide_name
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

  state(reading) {
    const { item, draft } = reading
    const own = item?.own
    const given = draft && !draft.empty ? draft.grades : own?.labelled && !own.ignored ? own.grades : {}
    this.root.dataset.step = item && draft ? draft.step : ''
    this.root.dataset.done = reading.done
    this.root.classList.toggle('over', !item)
    for (const row of this.part.grades.children) {
      const { task } = row.dataset
      row.classList.toggle('here', task === this.root.dataset.step)
      const grade = task in given ? given[task] : undefined
      const facts = this.tasks.find((one) => one.name === task)
      row.querySelector('.words').textContent = grade === undefined ? '' : grade === null ? 'unknown' : facts.grades[grade].patch
      for (const button of row.querySelectorAll('button')) {
        const on = button.dataset.grade === (grade === null ? 'unknown' : String(grade))
        button.setAttribute('aria-pressed', String(on))
        const votes = item?.votes.filter((vote) => String(vote[task]) === button.dataset.grade).length ?? 0
        if (button.querySelector('.votes')) button.querySelector('.votes').textContent = '●'.repeat(votes)
      }
    }
    this.part.ignore.setAttribute('aria-pressed', String(Boolean(own?.labelled && own.ignored)))
    this.part.flag.setAttribute('aria-pressed', String(Boolean(own?.flagged)))
    this.part.notice.textContent = reading.notice
    this.progress(reading)
    this.saved(reading)
    this.strip(reading)
  }

  progress({ done, patches, times }) {
    const left = patches - done
    const middle = times.length >= 5 ? [...times].sort((a, b) => a - b)[times.length >> 1] : null
    const minutes = middle === null ? '' : ` · ~${Math.max(1, Math.round((left * middle) / 60000))} min`
    this.part.count.textContent = `${done} of ${patches}${left > 0 ? minutes : ''}`
    this.part.done.style.width = `${patches ? (100 * done) / patches : 0}%`
  }

  saved({ outbox }) {
    const { saved } = this.part
    const waiting = outbox.size
    const state = waiting === 0 ? 'saved' : outbox.reachable ? 'saving' : 'away'
    this.root.dataset.unsaved = waiting
    if (saved.dataset.state !== state || state === 'away') {
      saved.dataset.state = state
      const kept = `${waiting} not saved yet: the lab does not answer. Kept in this browser; sent by itself.`
      saved.textContent = { saved: 'Saved', saving: 'Saving', away: kept }[state]
    }
  }

  strip(reading) {
    const wanted = reading.strip.map((one) => (one.el ??= this.last(reading, one)))
    wanted.forEach((el, n) => this.lastGrades(el, reading.strip[n].item))
    const there = [...this.part.strip.children]
    if (there.length !== wanted.length || there.some((el, n) => el !== wanted[n])) this.part.strip.replaceChildren(...wanted)
    for (const el of wanted) el.classList.toggle('now', el.dataset.patch === String(reading.item?.patch_id))
  }

  last(reading, { item, picture }) {
    const el = make('button', 'last')
    el.type = 'button'
    el.dataset.patch = item.patch_id
    el.title = 'Go back to this patch'
    const small = make('canvas')
    small.width = small.height = 96
    if (picture) small.getContext('2d', { alpha: false }).drawImage(picture, 0, 0, 96, 96)
    el.append(small, make('span', 'given'))
    el.onclick = () => reading.goTo(item.patch_id)
    return el
  }

  lastGrades(el, { own }) {
    const text = JSON.stringify(own ?? null)
    if (el.dataset.own === text) return
    el.dataset.own = text
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
    this.blank(reading)
    this.root.dataset.step = ''
    const all = reading.done >= reading.patches
    const words = `${reading.done} of ${reading.patches} patches are labelled; the rest you passed over.`
    this.part.message.textContent = all ? `All ${reading.patches} patches are labelled.` : words
    this.state(reading)
    this.onfinished?.()
  }
}

function make(kind, name = '', text = '') {
  const el = document.createElement(kind)
  if (name) el.className = name
  if (text) el.textContent = text
  return el
}
