// Drawing a skeleton on a canvas. The first half is part of every player of signbook.view.player, which
// reads it up to the line of dashes; the second half is for what is live. No page, no widget, no network:
// a context and numbers.

const surface = dark => (dark ? '#16191f' : '#fcfcfb');
// A layout's colours are made for paper; on a dark page they are mixed with white.
const ink = (color, dark) => (dark ? `color-mix(in srgb, ${color} 58%, white)` : color);

function drawPart(ctx, part, points, conf, state, unit) {
  const hand = part.name.includes('hand'),
    width = unit * (hand ? 2.6 : part.name === 'face' ? 1.3 : 3.2);
  const level = sure => (sure === 0 ? 0 : state.confidence ? Math.ceil(sure / 64) : 4);
  const stroke = (levels, color, width) => {
    ctx.strokeStyle = color;
    ctx.lineWidth = width;
    ctx.beginPath();
    for (const line of part.lines)
      for (let k = 1, pen = false; k < line.length; k++) {
        const [a, b] = [line[k - 1], line[k]],
          here = levels.includes(level(Math.min(conf[a], conf[b])));
        if (here && !pen) ctx.moveTo(points[a][0], points[a][1]);
        if (here) ctx.lineTo(points[b][0], points[b][1]);
        pen = here;
      }
    ctx.stroke();
  };
  const found = new Set(
    part.lines
      .flat()
      .concat(part.dots)
      .map(j => level(conf[j])),
  );
  if (hand) {
    ctx.globalAlpha = 0.75;
    stroke([2, 3, 4], surface(state.dark), width + 3 * unit);
  } // a rim, so that a hand stands out before the body
  for (const l of [1, 2, 3, 4])
    if (found.has(l)) {
      const color = ink(part.color, state.dark);
      ctx.globalAlpha = 0.12 + 0.22 * l;
      stroke([l], color, width);
      ctx.fillStyle = color;
      for (const j of part.dots)
        if (level(conf[j]) === l) {
          ctx.beginPath();
          ctx.arc(points[j][0], points[j][1], 1.6 * unit, 0, 7);
          ctx.fill();
        }
    }
}

// Where a joint was during the last half second, broken where it was not seen.
function drawTrail(ctx, clip, [joint, part], frame, t, at, state, unit) {
  const color = clip.parts.find(p => p.name === part).color,
    seen = f => clip.conf[f * clip.joints + joint] > 0;
  ctx.strokeStyle = ink(color, state.dark);
  ctx.lineCap = 'butt';
  for (let f = frame; f > 0 && clip.times[f - 1] > t - 0.5; f--)
    if (seen(f) && seen(f - 1)) {
      const age = Math.min(1, Math.max(0, (t - clip.times[f]) / 0.5)),
        [a, b] = [at(f - 1, joint), at(f, joint)];
      ctx.globalAlpha = 0.55 * (1 - age);
      ctx.lineWidth = unit * (3.4 - 2.4 * age);
      ctx.beginPath();
      ctx.moveTo(a[0], a[1]);
      ctx.lineTo(b[0], b[1]);
      ctx.stroke();
    }
  ctx.lineCap = 'round';
}

function drawAxes(ctx, camera, h, unit) {
  // which way is which, once the picture is turned
  const [ox, oy] = camera.look(0, 0, 0),
    length = 16 * unit,
    home = [34 * unit, h - 34 * unit];
  for (const [name, ...v] of [
    ['x', 500, 0, 0],
    ['y', 0, 500, 0],
    ['z', 0, 0, 500],
  ]) {
    const [x, y] = camera.look(...v),
      k = length / 500 / camera.pixel,
      [dx, dy] = [(x - ox) * k, (y - oy) * k];
    ctx.globalAlpha = 0.7;
    ctx.lineWidth = unit;
    ctx.strokeStyle = ctx.fillStyle = '#8a8f98';
    ctx.beginPath();
    ctx.moveTo(...home);
    ctx.lineTo(home[0] + dx, home[1] + dy);
    ctx.stroke();
    ctx.font = `${10 * unit}px system-ui, sans-serif`;
    ctx.fillText(name, home[0] + 1.35 * dx - 3 * unit, home[1] + 1.35 * dy + 3 * unit);
  }
}

// ---------------------------------------------------------------- live

// parts: [{name, color, lines: [[joint, …], …], dots: [joint, …]}], as
// signbook.view.placement.drawn_parts(layout) gives them. xyz: (J × 3) with x and y in [0, 1] of the picture;
// conf: (J) in [0, 1], 0 where a joint was not seen. box: {x, y, width, height} of the picture in the
// canvas, in pixels; mirrored: as in a mirror. hide: a set of joints that another part says better, see
// `doubled`.
function drawSkeleton(
  ctx,
  parts,
  xyz,
  conf,
  box,
  {mirrored = false, dark = false, confidence = true, hide = null} = {},
) {
  const {x = 0, y = 0, width, height} = box;
  const points = [],
    sure = new Float32Array(conf.length);
  for (let j = 0; j < conf.length; j++) {
    const across = mirrored ? 1 - xyz[3 * j] : xyz[3 * j];
    points.push([x + width * across, y + height * xyz[3 * j + 1]]);
    sure[j] = hide && hide.has(j) ? 0 : 255 * Math.min(1, conf[j]);
  }
  ctx.lineCap = ctx.lineJoin = 'round';
  for (const part of parts) drawPart(ctx, part, points, sure, {dark, confidence}, height / 400 + 0.25);
  ctx.globalAlpha = 1;
}

// Joints of the body that are not to be drawn: its fingers where the hand was found, its head where the
// face was. twins: [[part, [joint, …]], …]; ranges: {part: [first, after the last]}.
function doubled(twins, ranges, conf) {
  const out = new Set();
  for (const [part, joints] of twins) {
    const [first, end] = ranges[part];
    if (conf.subarray(first, end).some(c => c > 0)) joints.forEach(j => out.add(j));
  }
  return out;
}

export {drawSkeleton, doubled, drawPart, drawTrail, drawAxes, ink, surface};
