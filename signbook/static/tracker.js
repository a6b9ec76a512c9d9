// A video element in, landmarks out: MediaPipe's holistic landmarker (npm @mediapipe/tasks-vision) by its
// CPU delegate, in a worker of its own, so that the page stays quick; where a worker cannot be had, in the
// page. Landmarks are in the order of signbook's layout HOLISTIC. Left is the signer's own left, as
// signbook.video.extract has it: the picture goes in as the camera gives it, not mirrored. A mirror is
// only for the eyes, and only on the canvas.

const PARTS = [
  ['leftHandLandmarks', 21, false],
  ['rightHandLandmarks', 21, false],
  ['faceLandmarks', 468, false],
  ['poseLandmarks', 33, true],
]; // whether a landmark says how visible it is
const JOINTS = 543;

// This function becomes the text of the worker, so it leans on nothing around it.
function engine() {
  let landmarker = null;
  const pick = (result, parts, joints) => {
    const xyz = new Float32Array(3 * joints),
      conf = new Float32Array(joints);
    let first = 0;
    for (const [name, count, visible] of parts) {
      const points = (result[name] || [])[0] || [];
      for (let i = 0; i < Math.min(count, points.length); i++) {
        const p = points[i],
          sure = visible ? Math.min(1, Math.max(0, p.visibility || 0)) : 1;
        if (!(sure > 0) || !Number.isFinite(p.x + p.y + p.z)) continue;
        xyz.set([p.x, p.y, p.z], 3 * (first + i));
        conf[first + i] = sure;
      }
      first += count;
    }
    return {xyz, conf};
  };
  return {
    async open({visionUrl, loader, binary, model, delegate}) {
      const {HolisticLandmarker} = await import(visionUrl);
      const baseOptions = {
        delegate,
        ...(typeof model === 'string' ? {modelAssetPath: model} : {modelAssetBuffer: model}),
      };
      landmarker = await HolisticLandmarker.createFromOptions(
        {wasmLoaderPath: loader, wasmBinaryPath: binary},
        {baseOptions, runningMode: 'VIDEO'},
      );
    },
    detect(picture, ms, parts, joints) {
      const begun = performance.now(),
        found = pick(landmarker.detectForVideo(picture, ms), parts, joints);
      return {...found, cost: performance.now() - begun};
    },
    close() {
      if (landmarker) landmarker.close();
      landmarker = null;
    },
  };
}

// What the worker does with messages; `make` is `engine`.
function serve(make) {
  const own = make();
  self.onmessage = async ({data: {id, call, given}}) => {
    try {
      const result = await own[call](...given);
      if (call === 'detect') given[0].close();
      self.postMessage({id, result}, result && result.xyz ? [result.xyz.buffer, result.conf.buffer] : []);
    } catch (e) {
      self.postMessage({id, error: String((e && e.message) || e)});
    }
  };
}

function inWorker() {
  const text = `(${serve})(${engine});`,
    url = URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
  const worker = new Worker(url),
    waiting = new Map();
  let next = 0;
  const fail = message => {
    for (const w of waiting.values()) w.reject(new Error(message));
    waiting.clear();
  };
  worker.onmessage = ({data}) => {
    const w = waiting.get(data.id);
    waiting.delete(data.id);
    if (w) data.error ? w.reject(new Error(data.error)) : w.resolve(data.result);
  };
  worker.onerror = e => fail(e.message || 'the worker failed');
  const ask = (call, given, moved = []) =>
    new Promise((resolve, reject) => {
      waiting.set(next, {resolve, reject});
      worker.postMessage({id: next++, call, given}, moved);
    });
  return {
    open: options => ask('open', [options]),
    async detect(video, ...rest) {
      const picture = await createImageBitmap(video);
      return ask('detect', [picture, ...rest], [picture]);
    },
    close() {
      worker.terminate();
      URL.revokeObjectURL(url);
      fail('closed');
    },
  };
}

// visionUrl: of vision_bundle.mjs; wasmUrl: the folder of vision_wasm_internal.js and .wasm, or {loader,
// binary}, two URLs; modelUrl: of the .task file, or its bytes. URLs of blobs will do.
async function createTracker({visionUrl, wasmUrl, modelUrl, delegate = 'CPU', worker = true}) {
  const absolute = url => new URL(url, document.baseURI).href; // a worker has another base
  const folder = typeof wasmUrl === 'string' ? wasmUrl.replace(/\/$/, '') : '';
  const wasm = folder
    ? {loader: `${folder}/vision_wasm_internal.js`, binary: `${folder}/vision_wasm_internal.wasm`}
    : wasmUrl;
  const options = {
    visionUrl: absolute(visionUrl),
    loader: absolute(wasm.loader),
    binary: absolute(wasm.binary),
    model: typeof modelUrl === 'string' ? absolute(modelUrl) : modelUrl,
    delegate,
  };
  let own = null,
    place = 'worker';
  if (worker && typeof Worker !== 'undefined' && typeof OffscreenCanvas !== 'undefined') {
    try {
      own = inWorker();
      await own.open(options);
    } catch (e) {
      console.warn('signbook: no tracker in a worker, so it runs in the page:', e.message);
      own.close();
      own = null;
    }
  }
  if (!own) {
    own = engine();
    place = 'page';
    await own.open(options);
  }
  let last = -1;
  return {
    place,
    // Landmarks of the picture that the element shows now; one call at a time.
    async detect(video, ms) {
      last = Math.max(Math.round(ms), last + 1); // whole milliseconds, and never the same twice
      const found = await own.detect(video, last, PARTS, JOINTS);
      return {...found, seconds: ms / 1000};
    },
    close() {
      own.close();
    },
  };
}

// Calls `see(ms)` for pictures of a video element as they come; while it is at work, pictures are passed
// over. Returns a function that ends it.
function eachPicture(video, see) {
  let going = true,
    busy = false;
  const next = () =>
    video.requestVideoFrameCallback ? video.requestVideoFrameCallback(step) : requestAnimationFrame(step);
  async function step(now) {
    if (!going) return;
    next();
    if (busy || video.readyState < 2) return;
    busy = true;
    try {
      await see(now);
    } finally {
      busy = false;
    }
  }
  next();
  return () => {
    going = false;
  };
}

// The camera's stream in a video element. Throws an Error whose `state` is 'no-camera', 'no-permission' or
// 'camera-busy'.
async function openCamera(video, {width = 640, height = 480} = {}) {
  const states = {
    NotAllowedError: 'no-permission',
    SecurityError: 'no-permission',
    NotFoundError: 'no-camera',
    OverconstrainedError: 'no-camera',
    NotReadableError: 'camera-busy',
    AbortError: 'camera-busy',
  };
  try {
    const insecure = () =>
      Object.assign(new Error('this page came neither over https nor from localhost'), {
        name: 'SecurityError',
      });
    if (!navigator.mediaDevices) throw insecure();
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: {width: {ideal: width}, height: {ideal: height}, facingMode: 'user'},
    });
    video.srcObject = stream;
    video.muted = video.playsInline = true;
    await video.play();
    return () => {
      for (const track of stream.getTracks()) track.stop();
      video.srcObject = null;
    };
  } catch (e) {
    throw Object.assign(new Error(e.message), {state: states[e.name] || 'no-camera'});
  }
}

export {createTracker, eachPicture, openCamera, PARTS, JOINTS};
