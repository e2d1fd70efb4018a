/** Names of topics that requests named and that have a label of their own, for each cluster. */
const namedTopicsMax = 200;

/** The label of all other topics. */
export const otherTopics = 'other';

/**
 * The labels of topics in metrics. Names come from requests and have no bound, so that only the first ones that the
 * brokers know have a label of their own.
 */
export class TopicLabels {
  readonly #namedByCluster = new Map<string, Set<string>>();

  /** Returns the label of a topic that the brokers know and that a request named. */
  ofNamed(cluster: string, topic: string): string {
    let named = this.#namedByCluster.get(cluster);
    if (named === undefined) this.#namedByCluster.set(cluster, (named = new Set()));
    if (named.size < namedTopicsMax) named.add(topic);
    return named.has(topic) ? topic : otherTopics;
  }
}
