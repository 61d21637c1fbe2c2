/** LeNet-5 (LeCun et al. 1998, Fig. 2) with ReLU and max pooling, as it is trained today; 28×28 images are padded by 2. */
import { defineNetwork } from "./graph-builder.ts";
import { MNIST } from "./tasks.ts";

/** About 62,000 parameters on 28×28 grey images. */
export const lenet5 = defineNetwork("lenet5", MNIST, (net, classes) => {
  let x = net.conv("conv1", net.input, 6, { kernel: 5, padding: 2 });
  x = net.maxPool("pool1", net.relu("relu1", x), { kernel: 2 });
  x = net.conv("conv2", x, 16, { kernel: 5 });
  x = net.maxPool("pool2", net.relu("relu2", x), { kernel: 2 });
  x = net.relu("relu3", net.linear("fc1", x, 120));
  x = net.relu("relu4", net.linear("fc2", x, 84));
  net.linear("fc3", x, classes);
});
