// The list of slides: a table whose names and pictures are links, drawn a part at a time.

import { TOKEN_HEADER } from '../../shell/token.js'
import { ordered, pressed, stepped } from './order.js'

const PART = 60 // rows drawn at once; more as one comes near the end
const NEAR_PX = 600

export class List {
  constructor(root) {
    this.box = root.querySelector('.listing')
    this.head = root.querySelector('thead tr')
    this.body = root.querySelector('tbody')
    this.pictures = new Map()
    this.order = { column: null, down: false }
    this.seen = new IntersectionObserver((entries) => this.fetchSeen(entries), { root: this.box, rootMargin: '300px' })
    this.box.onscroll = () => { this.grow(); this.fade() }
    this.wide = new ResizeObserver(() => this.fade())
    this.wide.observe(this.box)
    this.wide.observe(root.querySelector('table'))
    this.box.onkeydown = (event) => this.key(event)
    this.box.onclick = (event) => this.press(event)
  }

  update(data, open) {
    this.data = data
    this.open = open
    const now = JSON.stringify([data.columns, data.rows])
    if (now === this.drawn) return
    this.drawn = now
    if (this.by !== data.columns[this.order.column]?.title) this.order = { column: null, down: false }
    this.draw()
  }

  draw() {
    const { columns, rows } = this.data
    const { column, down } = this.order
    this.head.replaceChildren(...columns.map((known, place) => {
      const cell = document.createElement('th')
      cell.scope = 'col'
      cell.className = known.number ? 'number' : ''
      if (known.help) cell.title = known.help
      cell.setAttribute('aria-sort', place === column ? (down ? 'descending' : 'ascending') : 'none')
      const button = document.createElement('button')
      button.type = 'button'
      button.dataset.column = place
      button.textContent = known.title
      cell.append(button)
      return cell
    }))
    this.by = columns[column]?.title
    this.rows = column === null ? rows : ordered(rows, column, down)
    this.seen.disconnect()
    this.body.replaceChildren()
    this.box.scrollTop = 0
    this.grow()
  }

  // Draw the next part where the end is near.
  grow() {
    const { scrollTop, clientHeight, scrollHeight } = this.box
    const begun = this.body.children.length
    if (begun > 0 && scrollTop + clientHeight < scrollHeight - NEAR_PX) return
    for (const row of this.rows.slice(begun, begun + PART)) this.body.append(this.line(row))
  }

  // Where more columns follow out of sight, the last one in sight fades.
  fade() {
    const { scrollLeft, clientWidth, scrollWidth } = this.box
    this.box.classList.toggle('more', scrollLeft + clientWidth < scrollWidth - 1)
  }

  line(row) {
    const line = document.createElement('tr')
    row.words.forEach((words, place) => {
      const cell = document.createElement(place ? 'td' : 'th')
      if (this.data.columns[place].number) cell.className = 'number'
      if (place === 0) {
        cell.scope = 'row'
        cell.append(this.link(row))
      } else if (place === this.data.ask_at && row.asks) {
        cell.append(link(row, words))
      } else {
        cell.textContent = words
      }
      line.append(cell)
    })
    return line
  }

  link(row) {
    const to = link(row, '', 'slide')
    const frame = document.createElement('i')
    frame.className = 'picture'
    frame.dataset.slide = row.id
    const name = document.createElement('span')
    name.textContent = row.words[0]
    name.title = row.words[0]
    to.append(frame, name)
    this.seen.observe(frame)
    return to
  }

  fetchSeen(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue
      this.seen.unobserve(target)
      this.picture(Number(target.dataset.slide)).then((url) => {
        if (!url) return
        const img = document.createElement('img')
        img.alt = '' // the name beside it says what it is
        img.src = url
        target.replaceChildren(img)
      })
    }
  }

  // The address of a slide's picture, fetched once; null where there is none.
  picture(slide) {
    if (!this.pictures.has(slide)) {
      const asked = fetch(`${this.data.pictures}/${slide}.jpg`, { headers: { [TOKEN_HEADER]: this.data.token } })
        .then(async (answer) => (answer.ok ? URL.createObjectURL(await answer.blob()) : null))
        .catch(() => null)
      this.pictures.set(slide, asked)
      asked.then((url) => { if (!url) this.pictures.delete(slide) })
    }
    return this.pictures.get(slide)
  }

  press(event) {
    const button = event.target.closest('button')
    if (button) {
      this.order = pressed(this.order, Number(button.dataset.column))
      this.draw()
      this.head.querySelector(`[data-column="${button.dataset.column}"]`).focus()
      return
    }
    const link = event.target.closest('a')
    if (link && (event.ctrlKey || event.metaKey || event.shiftKey)) return // a tab of its own
    // the whole row opens: it lights up under the mouse; not where words of it were marked, to be copied
    const to = link ?? (String(getSelection()) ? null : event.target.closest('tbody tr')?.querySelector('a'))
    if (!to) return
    event.preventDefault()
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0) // the slide begins at its top
    this.open(Number(to.dataset.slide))
  }

  key(event) {
    const line = event.target.closest('tbody tr')
    if (!line) return
    const to = stepped(event.key, line.sectionRowIndex, this.rows.length)
    if (to === null) return
    event.preventDefault()
    while (this.body.children.length <= to) this.body.append(this.line(this.rows[this.body.children.length]))
    this.body.children[to].querySelector('a').focus()
  }

  close() {
    this.seen.disconnect()
    this.wide.disconnect()
    for (const asked of this.pictures.values()) asked.then((url) => url && URL.revokeObjectURL(url))
  }
}

function link(row, words, kind = '') {
  const to = document.createElement('a')
  to.href = row.href
  to.className = kind
  to.dataset.slide = row.id
  to.textContent = words
  return to
}
