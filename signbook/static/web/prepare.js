// Frames of a camera in, what features.onnx takes out. The same as Features.prepare of
// signbook.features.pipeline, which no graph can hold: joints wanted, from the body, at an even rate.
// nbs/87_export.ipynb compares the two.

const byValue = (a, b) => a - b;
const lowerMedian = values => [...values].sort(byValue)[(values.length - 1) >> 1]; // as torch has it

function middleMedian(values) {
  // as numpy has it
  const sorted = [...values].sort(byValue),
    half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function roundEven(x) {
  // as Python has it
  const low = Math.floor(x),
    rest = x - low;
  return rest === 0.5 ? low + (low % 2) : Math.round(x);
}

// The joints wanted, x and z in units of the picture's height.
function chosen(frames, aspect, joints) {
  const scale = [aspect, 1, aspect];
  return frames.map(({xyz, conf}) => ({
    xyz: joints.map(j => [0, 1, 2].map(k => (conf[j] > 0 ? xyz[3 * j + k] * scale[k] : 0))),
    conf: joints.map(j => conf[j]),
  }));
}

// From the middle of the shoulders, in shoulder widths.
function fromBody(frames, [left, right]) {
  const both = f => f.conf[left] > 0 && f.conf[right] > 0;
  const middle = f => f.xyz[left].map((v, k) => (v + f.xyz[right][k]) / 2);
  const across = f => Math.hypot(f.xyz[left][0] - f.xyz[right][0], f.xyz[left][1] - f.xyz[right][1]);
  const known = frames.filter(both);
  const usual = known.length ? [0, 1, 2].map(k => lowerMedian(known.map(f => middle(f)[k]))) : [0, 0, 0];
  const width = Math.max(known.length ? lowerMedian(known.map(across)) : 1, 1e-4);
  return frames.map(f => {
    const centre = both(f) ? middle(f) : usual;
    return {
      conf: f.conf,
      xyz: f.xyz.map((p, j) => p.map((v, k) => (f.conf[j] > 0 ? (v - centre[k]) / width : 0))),
    };
  });
}

// Slopes of a cubic spline at its own moments, with not-a-knot ends. x: one number a moment.
function slopes(t, x) {
  const n = t.length,
    h = [],
    d = [];
  for (let i = 0; i + 1 < n; i++) {
    h.push(t[i + 1] - t[i]);
    d.push((x[i + 1] - x[i]) / h[i]);
  }
  if (n < 2) return [0];
  if (n === 2) return [d[0], d[0]];
  const lower = new Array(n).fill(0),
    diagonal = new Array(n).fill(1),
    upper = new Array(n).fill(0),
    right = new Array(n);
  for (let i = 1; i + 1 < n; i++) {
    [lower[i], diagonal[i], upper[i]] = [h[i], 2 * (h[i - 1] + h[i]), h[i - 1]];
    right[i] = 3 * (h[i - 1] * d[i] + h[i] * d[i - 1]);
  }
  const end = (at, inward, h0, h1, d0, d1) => {
    const both = h0 + h1,
      cubic = n > 3;
    diagonal[at] = cubic ? h1 : 1;
    inward[at] = cubic ? both : 1;
    right[at] = cubic ? ((h0 + 2 * both) * h1 * d0 + h0 * h0 * d1) / both : 2 * d0;
  };
  end(0, upper, h[0], h[1], d[0], d[1]);
  end(n - 1, lower, h[n - 2], h[n - 3], d[n - 2], d[n - 3]);
  for (let i = 1; i < n; i++) {
    const w = lower[i] / diagonal[i - 1];
    diagonal[i] -= w * upper[i - 1];
    right[i] -= w * right[i - 1];
  }
  const out = new Array(n);
  for (let i = n - 1; i >= 0; i--)
    out[i] = (right[i] - (i + 1 < n ? upper[i] * out[i + 1] : 0)) / diagonal[i];
  return out;
}

// The moments at which a joint was seen, cut where it was missing for longer than `gap`.
function stretches(seen, t, gap) {
  const out = [];
  for (const i of seen) {
    const last = out[out.length - 1];
    if (last && t[i] - t[last[last.length - 1]] <= gap + 1e-9) last.push(i);
    else out.push([i]);
  }
  return out;
}

// One stretch of one joint, written into `out` at every wanted moment within it.
function fill(stretch, joint, frames, t, at, frame, maxGap, out) {
  const ts = stretch.map(i => t[i]),
    n = ts.length;
  const curves = [0, 1, 2].map(k => stretch.map(i => frames[i].xyz[joint][k])),
    rates = curves.map(x => slopes(ts, x));
  const conf = stretch.map(i => frames[i].conf[joint]);
  for (let m = 0, i = 0; m < at.length; m++) {
    if (!(at[m] > ts[0] - frame / 2 - 1e-9 && at[m] < ts[n - 1] + frame / 2 + 1e-9)) continue;
    while (i < n - 2 && ts[i + 1] <= at[m]) i++;
    const k = Math.min(i + 1, n - 1),
      now = Math.min(Math.max(at[m], ts[i]), ts[k]);
    const h = k > i ? ts[k] - ts[i] : 1,
      u = (now - ts[i]) / h,
      v = 1 - u;
    curves.forEach((x, c) => {
      out.xyz[3 * (m * out.joints + joint) + c] =
        (1 + 2 * u) * v * v * x[i] +
        u * u * (3 - 2 * u) * x[k] +
        u * v * v * h * rates[c][i] -
        u * u * v * h * rates[c][k];
    });
    const since = now - ts[i],
      until = ts[k] - now,
      gap = since + until,
      w = since / (gap > 0 ? gap : 1);
    const filled = gap > 1.5 * frame && since > 1e-6 && until > 1e-6;
    const lowered = filled ? 1 - 0.5 * Math.min(gap / Math.max(maxGap, 1e-9), 1) : 1;
    out.conf[m * out.joints + joint] = Math.min(Math.max(lowered * ((1 - w) * conf[i] + w * conf[k]), 0), 1);
  }
}

// The same movement at an even rate, short gaps filled.
function resample(frames, t, fps, nominal, maxGap) {
  const steps = t.slice(1).map((v, i) => v - t[i]),
    frame = steps.length ? middleMedian(steps) : 1 / nominal;
  const count = Math.max(1, roundEven((t[t.length - 1] + 1 / nominal) * fps)),
    joints = frames[0].conf.length;
  const at = Array.from({length: count}, (_, m) => m / fps);
  const out = {
    frames: count,
    joints,
    xyz: new Float32Array(count * joints * 3),
    conf: new Float32Array(count * joints),
  };
  for (let j = 0; j < joints; j++) {
    const seen = frames.map((f, i) => (f.conf[j] > 0 ? i : -1)).filter(i => i >= 0);
    for (const s of stretches(seen, t, Math.max(maxGap, 1.5 * frame)))
      fill(s, j, frames, t, at, frame, maxGap, out);
  }
  return out;
}

// frames: [{seconds, xyz (543 × 3), conf (543)}]; aspect: width / height of the picture; nominal: frames a
// second of the camera; how: as web.json has it. Returns {frames, joints, xyz (frames × joints × 3), conf
// (frames × joints)}.
function prepare(frames, aspect, nominal, how) {
  const t = frames.map(f => f.seconds - frames[0].seconds);
  let made = chosen(frames, how.square ? aspect : 1, how.joints);
  if (how.shoulders) made = fromBody(made, how.shoulders);
  return resample(made, t, how.fps, nominal, how.max_gap);
}

// Whether a hand is up in a frame: seen, and not hanging down below its elbow. As in signbook's
// without_resting.
function handUp({xyz, conf}, aspect, how) {
  const at = (j, k) => xyz[3 * how.joints[j] + k] * (k ? 1 : aspect),
    seen = j => conf[how.joints[j]] > 0;
  const [left, right] = how.shoulders || [];
  const known = how.shoulders && seen(left) && seen(right);
  const width = known
    ? Math.max(Math.hypot(at(left, 0) - at(right, 0), at(left, 1) - at(right, 1)), 1e-4)
    : null;
  if (how.rest && !known) return false;
  return how.hands.some(({first, end, elbow, wrist}) => {
    let found = false;
    for (let j = first; j < end; j++) found ||= seen(j);
    const rests = how.rest && seen(elbow) && seen(wrist) && (at(wrist, 1) - at(elbow, 1)) / width > how.below;
    return found && !rests;
  });
}

export {prepare, handUp, slopes, resample};
