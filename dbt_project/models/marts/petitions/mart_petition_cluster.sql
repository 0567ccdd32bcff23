-- Clusters of communes with more petitions about a topic than expected in the last weeks: for leaders, in steps of five.
{{ clusters_told(
  "petitions",
  "(select topic_vi from (" ~ petition_topics() ~ ") as topics where topics.topic = clusters.item)",
  "đơn",
  exact=false
) }}
where found.item <> 'other'
