// Single signs out of frames: when a hand is up, and what was signed meanwhile. As WordStream of
// signbook.recognition.streaming, but that a sign begins and ends with the hands alone.
import {prepare, handUp} from './prepare.js';

// Moments with a hand up, joined to stretches as they come.
class Stretches {
  constructor({gap, shortest, longest}) {
    Object.assign(this, {gap, shortest, longest, start: null, last: null});
  }

  close() {
    const {start, last} = this;
    this.start = this.last = null;
    return start !== null && last - start >= this.shortest ? [start, last] : null;
  }

  push(t, up, gap = this.gap) {
    const over = this.start !== null && (t - this.last > gap || t - this.start >= this.longest);
    const ended = over ? this.close() : null;
    if (up) {
      this.start ??= t;
      this.last = t;
    }
    return ended;
  }
}

function softmax(logits, temperature) {
  const z = Array.from(logits, v => v / temperature),
    most = Math.max(...z),
    e = z.map(v => Math.exp(v - most));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map(v => v / sum);
}

// ort: onnxruntime-web; base: URL of the exported folder.
async function openRecogniser(ort, base) {
  const json = name =>
    fetch(new URL(name, base)).then(r => {
      if (!r.ok) throw new Error(`${name}: ${r.status}`);
      return r.json();
    });
  const [about, how] = await Promise.all([json('model.json'), json('web.json')]);
  const open = name => ort.InferenceSession.create(new URL(name, base).href, {executionProviders: ['wasm']});
  const [features, model] = [await open('features.onnx'), await open('model.onnx')];
  const tensor = (type, data, dims) => new ort.Tensor(type, data, dims);

  // The calibrated probability of each word.
  async function probabilities(frames, aspect, nominal) {
    const {frames: n, joints, xyz, conf} = prepare(frames, aspect, nominal, how);
    const seen = await features.run({
      xyz: tensor('float32', xyz, [1, n, joints, 3]),
      conf: tensor('float32', conf, [1, n, joints]),
      length: tensor('int64', BigInt64Array.from([BigInt(n)]), [1]),
      fps: tensor('float32', Float32Array.from([how.fps]), [1]),
    });
    const {logits} = await model.run({x: seen.x, conf: seen.confidence, length: seen.frames});
    return softmax(logits.data, about.temperature || 1);
  }

  return {about, how, probabilities};
}

// Words out of a stream; call `frame` with one after another.
class WordStream {
  constructor(recogniser, aspect, threshold) {
    const {how} = recogniser;
    Object.assign(this, {
      recogniser,
      aspect,
      threshold,
      frames: [],
      rejected: 0,
      stretches: new Stretches(how),
    });
  }

  // About how many frames a second come.
  get rate() {
    const t = this.frames.slice(-20).map(f => f.seconds),
      steps = t
        .slice(1)
        .map((v, i) => v - t[i])
        .sort((a, b) => a - b);
    return steps.length ? 1 / steps[steps.length >> 1] : 30;
  }

  get up() {
    return this.stretches.start !== null;
  }

  // A frame in; what was signed before it out: {word, probability, start, end}, with word null where it is
  // not sure enough.
  async frame(f) {
    const {how} = this.recogniser;
    this.frames.push(f);
    const ended = this.stretches.push(
      f.seconds,
      handUp(f, this.aspect, how),
      Math.max(how.gap, 2.5 / this.rate),
    );
    const oldest = (this.stretches.start ?? f.seconds) - how.margin - 1;
    const named = ended ? await this.name(...ended) : null;
    while (this.frames.length && this.frames[0].seconds < oldest) this.frames.shift();
    return named;
  }

  async name(start, end) {
    const {how, about} = this.recogniser;
    const some = this.frames.filter(
      f => f.seconds >= start - how.margin - 1e-9 && f.seconds < end + how.margin,
    );
    const p = await this.recogniser.probabilities(some, this.aspect, this.rate);
    const best = p.indexOf(Math.max(...p)),
      sure = p[best] >= this.threshold;
    if (!sure) this.rejected++;
    return {word: sure ? about.vocabulary[best] : null, probability: p[best], start, end};
  }
}

export {openRecogniser, WordStream, Stretches, softmax};
