// Analytics Engine.
export default {
  write(dataset, points) {
    for (const point of points) dataset.writeDataPoint(point);
  },
};
