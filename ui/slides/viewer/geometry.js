// Sizes, places and measures of what is laid over a slide. Points are [x, y] in level-0 pixels, `mpp` is [x, y] in µm.

const LONGEST_PX = 180 // of the scale bar
const ABOUT_PX = 160
const UM_AT_1X = 10 // µm a pixel at 1×: a scanner's 20× gives 0.5, its 40× 0.25

// The scale bar at so many µm per displayed pixel: the longest round length that fits, in px and in words.
export function scaleBar(umPerPixel) {
  const power = 10 ** Math.floor(Math.log10(ABOUT_PX * umPerPixel))
  const length = Math.max(...[1, 2, 5, 10].map((step) => step * power).filter((um) => um / umPerPixel <= LONGEST_PX))
  return { px: length / umPerPixel, words: lengthWords(length) }
}

// The magnification at so many µm per displayed pixel, as a scanner's objective is named: 20 at 0.5 µm.
export function magnification(umPerPixel) { return UM_AT_1X / umPerPixel }

export function magnificationWords(times) {
  return `${times >= 9.95 ? Math.round(times) : times >= 1 ? times.toFixed(1) : times.toPrecision(2)}×`
}

export function lengthWords(um) { return um >= 1000 ? `${rounded(um / 1000)} mm` : `${rounded(um)} µm` }

export function areaWords(um2) { return um2 >= 100000 ? `${rounded(um2 / 1e6)} mm²` : `${rounded(um2)} µm²` }

function rounded(value) { return Number(value.toPrecision(3)) }

export function lengthUm(points, mpp) {
  return points.slice(1).reduce((sum, [x, y], n) => sum + Math.hypot((x - points[n][0]) * mpp[0], (y - points[n][1]) * mpp[1]), 0)
}

// The area within a closed outline that does not cross itself.
export function areaUm2(points, mpp) {
  const twice = points.reduce((sum, [x, y], n) => {
    const [nextX, nextY] = points[(n + 1) % points.length]
    return sum + x * nextY - nextX * y
  }, 0)
  return (Math.abs(twice) / 2) * mpp[0] * mpp[1]
}

// A line with fewer points that strays from it by no more than `within` (Douglas and Peucker 1973).
export function simplified(points, within) {
  if (points.length < 3) return points
  const [first, last] = [points[0], points.at(-1)]
  let far = 0
  let at = 0
  for (let n = 1; n < points.length - 1; n += 1) {
    const away = fromLine(points[n], first, last)
    if (away > far) { far = away; at = n }
  }
  if (far <= within) return [first, last]
  return [...simplified(points.slice(0, at + 1), within).slice(0, -1), ...simplified(points.slice(at), within)]
}

function fromLine([x, y], [x0, y0], [x1, y1]) {
  const long = Math.hypot(x1 - x0, y1 - y0)
  return long ? Math.abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / long : Math.hypot(x - x0, y - y0)
}

// A point as the slide has it: whole pixels, none outside.
export function onSlide([x, y], { width, height }) {
  return [Math.min(Math.max(Math.round(x), 0), width), Math.min(Math.max(Math.round(y), 0), height)]
}

// How a picture over the whole slide is laid. Its sides are rounded to its own coarse pixels: laid by the longer one, it
// fits to half a pixel of it.
export function layerSpan({ width, height }) { return height > width ? { height: height / width } : { width: 1 } }

// Where the numbers of a legend stand, in per cent of its length; one at the end is set flush with it.
export function ticksOf({ low, high, ticks }) {
  return ticks.map((tick, n) => ({ words: tick, left: (100 * (tick - low)) / (high - low), last: n > 0 && tick >= high * 0.97 }))
}
