// The page: consent, camera, skeleton, words. Everything it loads lies in its own folder.
import * as ort from './vendor/ort.wasm.min.mjs';
import {createTracker, eachPicture, openCamera} from './tracker.js';
import {drawSkeleton, doubled} from './skeleton.js';
import {openRecogniser, WordStream} from './recognise.js';

const $ = id => document.getElementById(id),
  base = new URL('.', document.baseURI);
const show = (id, yes) => {
  $(id).hidden = !yes;
};
const states = {
  'no-camera': 'No camera was found. Connect one, then press Start again.',
  'no-permission':
    'The browser does not let this page use the camera. Allow it beside the address, then press Start again.',
  'camera-busy': 'The camera is in use by another program. Close that, then press Start again.',
};
ort.env.wasm.wasmPaths = new URL('vendor/', base).href;
ort.env.wasm.numThreads = 1; // more would need headers that a plain web server does not send

let end = null;
const opened = openRecogniser(ort, base); // loads while people read

function problem(text) {
  $('problem').textContent = text;
  show('problem', Boolean(text));
}

function say({word, probability}) {
  const item = document.createElement('li'),
    sure = document.createElement('span');
  item.textContent = word;
  sure.textContent = `${Math.round(100 * probability)} %`;
  item.append(sure);
  $('words').prepend(item);
  while ($('words').children.length > 50) $('words').lastChild.remove();
}

function draw(ctx, video, found, how) {
  const {width, height} = ctx.canvas;
  ctx.save();
  ctx.translate(width, 0);
  ctx.scale(-1, 1);
  ctx.drawImage(video, 0, 0, width, height);
  ctx.restore();
  const hide = doubled(how.twins, how.ranges, found.conf);
  drawSkeleton(
    ctx,
    how.parts,
    found.xyz,
    found.conf,
    {x: 0, y: 0, width, height},
    {mirrored: true, dark: true, hide},
  );
}

async function run(recogniser, tracker) {
  const video = $('camera'),
    ctx = $('picture').getContext('2d'),
    close = await openCamera(video);
  const [w, h] = [video.videoWidth, video.videoHeight];
  [ctx.canvas.width, ctx.canvas.height] = [w, h];
  const stream = new WordStream(recogniser, w / h, recogniser.about.threshold ?? 0.5);
  let count = 0,
    stop = () => {};
  end = () => {
    end = null;
    stop();
    close();
    tracker.close();
  };
  stop = eachPicture(video, async ms => {
    const found = await tracker.detect(video, ms).catch(e => {
      if (end) problem(`Tracking failed: ${e.message}`);
    });
    if (!found || !end) return; // stopped meanwhile
    draw(ctx, video, found, recogniser.how);
    const named = await stream.frame(found);
    if (named && named.word !== null) say(named); // what is not sure is counted, not shown
    count++;
    const hands = found.conf.subarray(0, 42).some(c => c > 0);
    $('state').textContent = stream.up ? 'signing' : hands ? 'hands rest' : 'no hands in the picture';
    $('figures').textContent =
      `${stream.rate.toFixed(0)} pictures a second, ${found.cost.toFixed(0)} ms each; ` +
      `${stream.rejected} ${stream.rejected === 1 ? 'sign' : 'signs'} passed over as not sure`;
    document.body.dataset.pictures = count;
  });
}

async function start() {
  let tracker = null;
  problem('');
  $('start').disabled = true;
  try {
    $('start').textContent = 'Loading …';
    const recogniser = await opened;
    tracker = await createTracker({
      visionUrl: 'vendor/vision_bundle.mjs',
      wasmUrl: new URL('vendor', base).href,
      modelUrl: 'vendor/holistic.task',
    });
    await run(recogniser, tracker);
    show('consent', false);
    show('stage', true);
  } catch (e) {
    if (tracker) tracker.close();
    problem(states[e.state] ?? `It cannot start: ${e.message}`);
  }
  $('start').textContent = 'Start';
  $('start').disabled = !$('agree').checked;
}

$('agree').addEventListener('change', e => {
  $('start').disabled = !e.target.checked;
});
$('start').addEventListener('click', start);
$('stop').addEventListener('click', () => {
  if (end) end();
  show('stage', false);
  show('consent', true);
});
opened.then(
  ({about}) => {
    $('words-known').textContent =
      `It knows ${about.vocabulary.length} words, such as ${about.vocabulary.slice(0, 5).join(', ')}.`;
  },
  e => problem(`The model cannot be loaded: ${e.message}`),
);
window.signbook = {opened, WordStream}; // for tests
