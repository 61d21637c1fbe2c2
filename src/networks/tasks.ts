/** The image classification tasks that the networks were published for. */
import type { Task } from "./graph.ts";

/** CIFAR-10 (Krizhevsky 2009): 32×32 colour images. CIFAR-100 has 100 classes. */
export const CIFAR: Task = { image: [3, 32, 32], classes: 10 };

/** ImageNet (ILSVRC 2012), cut to 224×224. */
export const IMAGENET: Task = { image: [3, 224, 224], classes: 1000 };

/** MNIST and its look-alikes: 28×28 grey images. */
export const MNIST: Task = { image: [1, 28, 28], classes: 10 };
