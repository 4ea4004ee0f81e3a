"""Models of codes, cohorts, images and series; see `entries`."""

from medsynai.models.entry import Entry

BESIDE = (
    Entry(
        "medgan",
        "medGAN",
        "Choi et al. 2017, Generating multi-label discrete patient records using generative "
        "adversarial networks",
        ("codes",),
        "the GAN of codes that others are compared with",
        "few patients; pairs of codes, which the mixture of codes has nearer in a second",
        "An autoencoder of patients' codes is trained first. A generator then learns to make "
        "latents whose decoded codes a critic, which sees each row beside the mean of its batch, "
        "cannot tell from real ones.",
        "medsynai.models.medgan:MedGan",
        "medsynai.models.medgan:load",
        conditional=False,
    ),
    Entry(
        "emr-wgan",
        "EMR-WGAN",
        "Zhang et al. 2020, Ensuring electronic medical record simulation through better training, "
        "modeling, and evaluation, J. Am. Med. Inform. Assoc. 27(1)",
        ("codes",),
        "a GAN of codes without an autoencoder",
        "few patients; few minutes: it trains slowly, and the mixture of codes is nearer",
        "A generator turns noise into codes, and a critic measures how far they lie from real ones "
        "(the Wasserstein distance), its slope held near one.",
        "medsynai.models.emr_wgan:EmrWgan",
        "medsynai.models.emr_wgan:load",
        conditional=False,
    ),
    Entry(
        "code-mixture",
        "Mixture of codes",
        "Everitt and Hand 1981, Finite mixture distributions (latent class analysis); Rosen 1997, "
        "On sampling with probability proportional to size",
        ("codes",),
        "the default for codes: seconds for 100,000 patients of 1,000 codes",
        "fewer than a few hundred patients: one component is left, and pairs of codes are lost",
        "Patients are sorted into kinds, each with its own shares of codes and numbers of codes, "
        "and every kind stands for some hundred patients. A new patient is of a kind, has a number "
        "of codes, and so many different codes by their shares in that kind.",
        "medsynai.models.code_mixture:CodeMixture",
        "medsynai.models.code_mixture:load",
        conditional=False,
    ),
    Entry(
        "pca",
        "Principal components",
        "Turk and Pentland 1991, Eigenfaces for recognition; Ledoit and Wolf 2004, A "
        "well-conditioned estimator for large-dimensional covariance matrices",
        ("images", "series"),
        "the baseline of images and series, in seconds: whatever is learnt must beat it",
        "sharp edges, positions that move, anything that is not a sum of a few pictures",
        "Each image is told as a sum of a few basic pictures. The weights of each class follow one "
        "normal distribution, whose spread is pulled towards that of all directions.",
        "medsynai.models.image_pca:ImagePca",
        "medsynai.models.image_pca:load",
    ),
    Entry(
        "series-diffusion",
        "Flow over series",
        "Liu, Gong and Liu 2023, Flow straight and fast: learning to generate and transfer data "
        "with rectified flow; Lipman et al. 2023, Flow matching for generative modeling",
        ("series",),
        "the default for regular series: vital signs, beats, windows of one length",
        "long recordings of thousands of steps; events at irregular times",
        "Each series is told as a sum of a few basic curves. A neural network is shown their "
        "weights with noise mixed in, and learns in which direction they must move to undo it. New "
        "series are noise that is moved so, step by step.",
        "medsynai.models.series_diffusion:SeriesDiffusion",
        "medsynai.models.series_diffusion:load",
    ),
    Entry(
        "timevae",
        "TimeVAE",
        "Desai et al. 2021, TimeVAE: a variational auto-encoder for multivariate time series "
        "generation",
        ("series",),
        "series with a trend and seasons",
        "fine detail, which a decoder smooths away",
        "An encoder squeezes each series into a few numbers; a decoder makes a series of them: a "
        "trend, waves, and a rest. New series are decoded from numbers drawn where those of the "
        "real ones of a class lie.",
        "medsynai.models.timevae:TimeVae",
        "medsynai.models.timevae:load",
    ),
    Entry(
        "timegan",
        "TimeGAN",
        "Yoon, Jarrett and van der Schaar 2019, Time-series generative adversarial networks",
        ("series",),
        "the GAN of series that others are compared with",
        "few series, many steps, few minutes: five recurrent networks train slowly",
        "A recurrent network learns to embed steps and to recover them, another to say the next "
        "embedded step. A generator then makes embedded steps that a critic cannot tell from real "
        "ones.",
        "medsynai.models.timegan:TimeGan",
        "medsynai.models.timegan:load",
    ),
    Entry(
        "doppelganger",
        "DoppelGANger",
        "Lin et al. 2020, Using GANs for sharing networked time series data",
        ("series",),
        "series whose level and range differ much from patient to patient",
        "few series, few minutes, as every GAN",
        "A generator draws the middle and range of each channel first, then the steps between "
        "them, several at a time. A critic measures how far both lie from real ones.",
        "medsynai.models.doppelganger:DoppelGanger",
        "medsynai.models.doppelganger:load",
    ),
    Entry(
        "image-flow",
        "Pixel flow",
        "Liu, Gong and Liu 2023, Flow straight and fast: learning to generate and transfer data "
        "with rectified flow; Lipman et al. 2023, Flow matching for generative modeling",
        ("images",),
        "small images or volumes of a class, a few hundred or more, in minutes on a CPU",
        "images above 64 pixels on a CPU; sets of a few dozen images",
        "A neural network is shown images with noise mixed in, and learns in which direction each "
        "pixel must move to undo it. New images are noise that is moved so, step by step.",
        "medsynai.models.image_flow:ImageFlow",
        "medsynai.models.image_flow:load",
        private=True,
    ),
    Entry(
        "image-moments",
        "Noisy moments of images",
        "Dwork, Talwar, Thakurta and Zhang 2014, Analyze Gauss: optimal bounds for "
        "privacy-preserving principal component analysis",
        ("images",),
        "images under differential privacy, in a second: two noisy releases and no network",
        "detail: what it draws is soft; classes of a few dozen patients under a small epsilon",
        "Each image is told as a sum of a few coarse waves. The mean of each class and how images "
        "differ from it are measured once, with noise enough to hide any one patient, and new "
        "images are drawn from normal distributions with these means and differences.",
        "medsynai.models.image_moments:ImageMoments",
        "medsynai.models.image_moments:load",
        private=True,
    ),
    Entry(
        "image-mean-embedding",
        "Noisy mean embedding of images",
        "Harder, Adamczewski and Park 2021, DP-MERF: Differentially private mean embeddings with "
        "random features for practical privacy-preserving data generation",
        ("images",),
        "images under differential privacy, in seconds: one noisy release and no network",
        "detail: what it draws is soft; classes of a few dozen patients under a small epsilon",
        "Each image is told as a sum of a few coarse waves, and these by cosines of random sums "
        "of them. The mean of these cosines is measured once for each class, with noise enough to "
        "hide any one patient. Normal distributions that would give such means are then sought, "
        "and new images drawn from them.",
        "medsynai.models.image_mean_embedding:ImageMeanEmbedding",
        "medsynai.models.image_mean_embedding:load",
        private=True,
    ),
    Entry(
        "image-vae",
        "Convolutional VAE",
        "Kingma and Welling 2014, Auto-encoding variational Bayes; Higgins et al. 2017, beta-VAE",
        ("images",),
        "images in a minute or two; latents that can be looked at",
        "detail: what it paints is soft, and a small network tells it from real images",
        "A neural network squeezes each image into a few numbers and paints it again from them. "
        "Where the numbers of a class lie is told by a mixture of normal distributions, from which "
        "new images are painted.",
        "medsynai.models.image_vae:ImageVae",
        "medsynai.models.image_vae:load",
    ),
    Entry(
        "image-gan",
        "GAN of images",
        "Huang et al. 2024, The GAN is dead; long live the GAN (R3GAN); Denton et al. 2015, Deep "
        "generative image models using a Laplacian pyramid of adversarial networks (drafts)",
        ("images",),
        "drawing many images in seconds, of all kinds that there are, after minutes on a CPU",
        "detail: a small network tells its images from real ones; sets of a few dozen images",
        "An image begins as a draft of its main features, drawn by what was learnt of how they lie "
        "together. One neural network adds detail, another learns to tell the result from real "
        "images; both are shown changed in random ways, so that neither learns single images.",
        "medsynai.models.image_gan:ImageGan",
        "medsynai.models.image_gan:load",
    ),
    Entry(
        "dcgan",
        "DCGAN",
        "Radford, Metz and Chintala 2016, Unsupervised representation learning with deep "
        "convolutional generative adversarial networks; Frid-Adar et al. 2018",
        ("images",),
        "the GAN of images that others are compared with; one a class, as for liver lesions",
        "few minutes on a CPU: it draws part of what there is",
        "One neural network paints images of a class, and another learns to tell them from real "
        "ones, until the first deceives the second.",
        "medsynai.models.dcgan:Dcgan",
        "medsynai.models.dcgan:load",
    ),
    Entry(
        "acgan",
        "ACGAN",
        "Odena, Olah and Shlens 2017, Conditional image synthesis with auxiliary classifier GANs; "
        "Frid-Adar et al. 2018",
        ("images",),
        "the second scheme of the lesion study: one GAN that guesses the class as well",
        "classes that look alike, which it paints as more different than they are; as `dcgan`",
        "One neural network paints images of a class; another learns to tell them from real ones "
        "and to name the class, and the first gains from both.",
        "medsynai.models.acgan:Acgan",
        "medsynai.models.acgan:load",
    ),
    Entry(
        "image-wgan-gp",
        "Wasserstein GAN of images",
        "Arjovsky, Chintala and Bottou 2017, Wasserstein GAN; Gulrajani et al. 2017, Improved "
        "training of Wasserstein GANs",
        ("images",),
        "a GAN of images that seldom collapses",
        "few minutes on a CPU: its critic takes several steps for each of the painter's",
        "One neural network paints images of a class, and another measures how far they lie from "
        "real ones (the Wasserstein distance), its slope held near one.",
        "medsynai.models.image_wgan_gp:ImageWganGp",
        "medsynai.models.image_wgan_gp:load",
    ),
    Entry(
        "image-hybrid",
        "Sharpened VAE",
        "Larsen et al. 2016, Autoencoding beyond pixels using a learned similarity metric; Rombach "
        "et al. 2022, High-resolution image synthesis with latent diffusion models",
        ("images",),
        "what the VAE is for, with more detail and better coverage",
        "few minutes on a CPU, as three networks share the time",
        "A neural network squeezes images into a few numbers and paints them again; a second "
        "learns where these numbers lie; a third, which learns to tell painted patches from real "
        "ones, sharpens the painter.",
        "medsynai.models.image_hybrid:ImageHybrid",
        "medsynai.models.image_hybrid:load",
    ),
    Entry(
        "markov",
        "Markov chain of events",
        "Mosquera et al. 2023, A method for generating synthetic longitudinal health data",
        ("cohorts",),
        "patients with events over time, in seconds: what whatever is learnt must beat",
        "what hangs on more than the event before: courses of numbers, what was long ago",
        "A forest draws each patient's statics, and how much of what happens. Events are drawn one "
        "after another, each from how often it followed the one before among several patients, "
        "until there is as much of it as the forest said; times between them and numbers come from "
        "ranges of several patients.",
        "medsynai.models.markov:Markov",
        "medsynai.models.markov:load_markov",
    ),
    Entry(
        "events",
        "Recurrent net of events",
        "Cho et al. 2014, Learning phrase representations using RNN encoder-decoder for "
        "statistical machine translation; Larochelle and Murray 2011, The neural autoregressive "
        "distribution estimator",
        ("cohorts",),
        "patients with events over time: courses of numbers, what hangs on what, outcomes",
        "fewer than a few hundred patients, whose courses it cannot learn; rare codes that hang on "
        "each other",
        "A forest draws each patient's statics, how many steps there are and over how long, and "
        "how often common things happen, with the mean and range of their numbers. A recurrent "
        "network then draws step after step: when the next one is, what happens in it, and each "
        "number given the last one of its kind.",
        "medsynai.models.events:Events",
        "medsynai.models.events:load",
        private=True,
    ),
)
