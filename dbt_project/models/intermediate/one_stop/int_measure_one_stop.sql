-- The measures of the one-stop desks in one shape: what the items of QĐ 766 are shares of, and what supports them.
{{ long_measures(ref("int_one_stop_month"), [
  "dossiers_judged", "dossiers_on_time", "dossiers_received", "dossiers_online", "dossiers_synchronised",
  "dossiers_synchronised_told", "dossiers_with_fee", "dossiers_paid_online", "dossiers_digitised",
  "dossiers_digitised_told", "results_issued", "results_electronic", "results_electronic_told", "results_shared",
  "results_shared_told", "copies_certified", "copies_e_certified", "dossiers_data_reused", "dossiers_data_reused_told",
  "dossiers_population_applicable", "dossiers_population_used", "dossiers_rated", "dossiers_satisfied",
  "dossiers_disliked", "dossiers_satisfied_net", "supplement_repeated",
]) }}
union all
{{ long_measures(ref("int_procedure_month"), [
  "procedures_public", "procedures_published_on_time", "procedures_updated", "procedures_updated_on_time",
  "procedures_complete", "procedures_eligible_online", "procedures_online", "procedures_with_fee",
  "procedures_payment_offered", "procedures_payment_used", "procedures_population_applicable",
  "procedures_population_used",
]) }}
union all
{{ long_measures(ref("int_feedback_month"), [
  "feedback_due", "feedback_on_time", "feedback_rated", "feedback_satisfied",
]) }}
