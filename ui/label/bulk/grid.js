// Pictures of the chosen patches, a few dozen at a time, drawn at random; a click leaves one out or takes it back in.

export const AT_ONCE = 48
const LOADING = 4

export class Grid {
  constructor(box, api) {
    this.box = box
    this.api = api
    this.order = []
    this.shown = 0 // how many were asked for
    this.painted = 0 // how many are on the screen
    this.run = 0
    this.onchange = () => {}
    this.ontoggle = () => {}
    box.onclick = (event) => {
      const tile = event.composedPath().find((el) => el.dataset?.n)
      if (!tile) return
      tile.setAttribute('aria-pressed', tile.getAttribute('aria-pressed') === 'true' ? 'false' : 'true')
      this.ontoggle(Number(tile.dataset.n))
    }
  }

  // Begin anew with these patches (positions in the points).
  show(points, order) {
    this.run += 1
    this.points = points
    this.order = order
    this.shown = 0
    this.painted = 0
    this.box.replaceChildren()
    this.more()
  }

  // Fetch no more: other patches are being chosen, and their line must not wait for pictures.
  stop() { this.run += 1 }

  get rest() { return this.order.length - this.shown }

  more() {
    const run = this.run
    const tiles = Array.from(this.order.slice(this.shown, this.shown + AT_ONCE), (n) => this.tile(n))
    this.shown += tiles.length
    this.box.append(...tiles)
    const waiting = tiles.slice()
    const work = async () => {
      while (waiting.length && run === this.run) {
        const tile = waiting.shift()
        try {
          const picture = await this.api.picture(`/api/patch/${this.points.id[tile.dataset.n]}.jpg`)
          if (run !== this.run) { picture.close(); return }
          const canvas = tile.querySelector('canvas')
          canvas.width = picture.width
          canvas.height = picture.height
          canvas.getContext('2d').drawImage(picture, 0, 0)
          picture.close()
        } catch { tile.classList.add('broken') }
        this.painted += 1
        this.onchange()
      }
    }
    for (let k = 0; k < LOADING; k += 1) work()
    this.onchange()
  }

  tile(n) {
    const tile = document.createElement('button')
    tile.type = 'button'
    tile.className = 'tile'
    tile.dataset.n = n
    tile.setAttribute('aria-pressed', 'true')
    tile.title = this.points.head.slides[this.points.slide[n]].name
    tile.append(document.createElement('canvas'))
    return tile
  }
}
