// Looks: brightness, contrast, and one stain alone. They change a copy of the pixels on this screen and nothing else.
// A stain alone is colour deconvolution with fixed stain colours (Ruifrok & Johnston 2001): light absorbed is additive, so
// what each dye absorbed is found by inverting the matrix of the dyes' colours.

const BRIGHTNESS = [1, 1.2, 1.45, 0.8]
const CONTRAST = [1, 1.3, 1.7, 0.75]
const HAEMATOXYLIN = [0.65, 0.7, 0.29]
const EOSIN = [0.07, 0.99, 0.11]
const FUCHSIN = [0.09997159, 0.73738605, 0.6680326]
const RESIDUE = [0.27, 0.57, 0.78]
const FIBRE = [0.7995107, 0.5913521, 0.10528667] // the blue or green that trichromes give collagen
const NEUTRAL = { brightness: 0, contrast: 0, stain: '' }

export class Looks {
  constructor() { Object.assign(this, NEUTRAL) }

  get name() { return `${this.brightness}${this.contrast}${this.stain}` }
  get neutral() { return this.name === '00' }

  // What the log keeps of a changed look, and what the reader is told.
  get facts() {
    const facts = {}
    if (this.brightness) facts.brightness = BRIGHTNESS[this.brightness]
    if (this.contrast) facts.contrast = CONTRAST[this.contrast]
    if (this.stain) facts.stain = this.stain
    return facts
  }

  get words() {
    const { brightness, contrast, stain } = this.facts
    const parts = [stain && `${stain} alone`, brightness && `brightness ${percent(brightness)}`, contrast && `contrast ${percent(contrast)}`]
    const words = parts.filter(Boolean).join(' · ')
    return words.charAt(0).toUpperCase() + words.slice(1)
  }

  brighter() { this.brightness = (this.brightness + 1) % BRIGHTNESS.length }
  sharper() { this.contrast = (this.contrast + 1) % CONTRAST.length }
  only(stain) { this.stain = this.stain === stain ? '' : stain }
  reset() { Object.assign(this, NEUTRAL) }

  // The picture as it is, or a canvas of its pixels in this look.
  of(picture, stain) {
    if (this.neutral) return picture
    const canvas = document.createElement('canvas')
    canvas.width = picture.width
    canvas.height = picture.height
    const pen = canvas.getContext('2d', { alpha: false, willReadFrequently: true })
    pen.drawImage(picture, 0, 0)
    const pixels = pen.getImageData(0, 0, canvas.width, canvas.height)
    if (this.stain) alone(pixels.data, this.stain === 'haematoxylin' ? 0 : 1, stain)
    tone(pixels.data, BRIGHTNESS[this.brightness], CONTRAST[this.contrast])
    pen.putImageData(pixels, 0, 0)
    return canvas
  }
}

function percent(share) { return `${Math.round(100 * share)} %` }

function unit(vector) {
  const length = Math.hypot(...vector)
  return vector.map((share) => share / length)
}

// Rows of the inverse of the matrix whose rows are the dyes' colours: how much of dye `which` an absorption holds.
export function unmixing(dyes, which) {
  const [a, b, c] = [dyes[which], dyes[(which + 1) % 3], dyes[(which + 2) % 3]]
  const cross = [b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]]
  const volume = a[0] * cross[0] + a[1] * cross[1] + a[2] * cross[2]
  return cross.map((share) => share / volume)
}

export function dyesOf(stain) {
  const trichrome = /trichrome/i.test(stain ?? '')
  return (trichrome ? [HAEMATOXYLIN, FUCHSIN, FIBRE] : [HAEMATOXYLIN, EOSIN, RESIDUE]).map(unit)
}

// RGBA pixels (0-255) in place: only what dye `which` absorbed is left, in grey, so that colour says nothing more.
export function alone(data, which, stain) {
  const [red, green, blue] = unmixing(dyesOf(stain), which)
  const absorbed = Float32Array.from({ length: 256 }, (_, value) => -Math.log((value + 1) / 256))
  for (let at = 0; at < data.length; at += 4) {
    const amount = red * absorbed[data[at]] + green * absorbed[data[at + 1]] + blue * absorbed[data[at + 2]]
    data[at] = data[at + 1] = data[at + 2] = 256 * Math.exp(-Math.max(amount, 0)) - 1
  }
}

export function tone(data, brightness, contrast) {
  if (brightness === 1 && contrast === 1) return
  const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => (value * brightness - 128) * contrast + 128)
  for (let at = 0; at < data.length; at += 4) {
    data[at] = table[data[at]]
    data[at + 1] = table[data[at + 1]]
    data[at + 2] = table[data[at + 2]]
  }
}
